package ui

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table prints rows under a head to Out. The columns whose numbers (from 1) are
// in numeric are aligned to the right.
func (s *Screen) Table(head []string, rows [][]string, numeric ...int) {
	s.Out.Print(s.TableText(head, rows, numeric...))
}

// TableText returns what [Screen.Table] prints.
func (s *Screen) TableText(head []string, rows [][]string, numeric ...int) string {
	t := table.NewWriter()
	t.SetStyle(s.tableStyle())
	t.AppendHeader(tableRow(head))
	for _, row := range rows {
		t.AppendRow(tableRow(row))
	}
	var columns []table.ColumnConfig
	for _, n := range numeric {
		columns = append(columns, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	var out strings.Builder
	for line := range strings.SplitSeq(t.Render(), "\n") {
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return out.String()
}

// tableStyle draws lines only for a person's eyes: without colours, columns
// are separated by blanks, which other programs can cut.
func (s *Screen) tableStyle() table.Style {
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	if s.color {
		style.Color.Header = text.Colors{text.Bold}
	}
	return style
}

func tableRow(cells []string) table.Row {
	row := make(table.Row, len(cells))
	for i, cell := range cells {
		row[i] = Printable(cell)
	}
	return row
}
