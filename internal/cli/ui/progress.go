package ui

import (
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

const progressInterval = 100 * time.Millisecond

// Task is one line of a progress display.
type Task struct {
	Name  string
	Total int64        // 0: the end is not known
	Bytes bool         // Total and Done are bytes
	Done  func() int64 // called ten times a second, from one goroutine
}

// Progress shows how far tasks are, from Start to Stop.
type Progress struct {
	stop     chan struct{}
	ended    chan struct{} // closed when updateLoop has returned
	rendered chan struct{} // closed when the drawing has ended
}

// StartProgress shows the tasks live on Err if that is a terminal; otherwise
// nothing is shown and nothing runs. It starts two goroutines, one that reads
// the tasks and one that draws; Stop ends both.
func (s *Screen) StartProgress(tasks []Task) *Progress {
	p := &Progress{stop: make(chan struct{}), ended: make(chan struct{}), rendered: make(chan struct{})}
	if !s.Live() {
		close(p.ended)
		close(p.rendered)
		return p
	}
	writer := progress.NewWriter()
	writer.SetOutputWriter(s.Err)
	writer.SetAutoStop(true) // ends when updateLoop has marked all tasks done
	writer.SetUpdateFrequency(progressInterval)
	writer.SetTrackerLength(30)
	writer.SetMessageLength(24)
	writer.SetStyle(progress.StyleBlocks)
	writer.Style().Visibility = progress.StyleVisibility{
		ETA: true, Percentage: true, Speed: true, Time: true, Tracker: true, Value: true,
	}
	trackers := make([]*progress.Tracker, len(tasks))
	for i, task := range tasks {
		units := progress.UnitsDefault
		if task.Bytes {
			units = progress.UnitsBytes
		}
		trackers[i] = &progress.Tracker{Message: task.Name, Total: task.Total, Units: units}
		writer.AppendTracker(trackers[i])
	}
	go func() {
		defer close(p.rendered)
		writer.Render()
	}()
	go p.updateLoop(tasks, trackers)
	return p
}

func (p *Progress) updateLoop(tasks []Task, trackers []*progress.Tracker) {
	defer close(p.ended)
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for i, task := range tasks {
				trackers[i].SetValue(task.Done())
			}
		case <-p.stop:
			for i, task := range tasks {
				trackers[i].SetValue(task.Done())
				trackers[i].MarkAsDone()
			}
			return
		}
	}
}

// Stop draws the last state and returns when the terminal is free again. It
// must be called once.
func (p *Progress) Stop() {
	close(p.stop)
	<-p.ended
	<-p.rendered
}
