package options

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidings-io/tidings/internal/conf"
)

// ParseServeArgs reads the arguments of the serve command, without the name of
// the program. A flag has one dash or two; its value is the next argument or
// follows "="; switches take a value after "=" only. The last of repeated
// flags counts. All that is wrong is reported at once.
func ParseServeArgs(args []string) (Flags, error) {
	var flags Flags
	var errs []error
	for len(args) > 0 {
		used, err := parseArg(&flags, args)
		if err != nil {
			errs = append(errs, err)
		}
		args = args[used:]
	}
	if flags.CheckOnly && flags.ConfigFile == "" && !flags.Help && len(errs) == 0 {
		errs = append(errs, errors.New("-t checks a configuration file, and none is given; add -c FILE"))
	}
	return flags, errors.Join(errs...)
}

// parseArg reads the first of args, and its value, and says how many it used.
func parseArg(flags *Flags, args []string) (used int, err error) {
	arg := args[0]
	if arg == "--" || arg == "-" || !strings.HasPrefix(arg, "-") {
		return parseWord(flags, args)
	}
	name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
	spec := findFlag(name)
	switch {
	case spec == nil:
		return 1 + likelyValues(args[1:], hasValue), fmt.Errorf("unknown flag %s%s", strings.SplitN(arg, "=", 2)[0], flagHint(name))
	case spec.switched != nil:
		on := true
		if hasValue {
			if on, err = strconv.ParseBool(value); err != nil {
				return 1, fmt.Errorf("flag %s: %q is neither true nor false", dashed(name), value)
			}
		}
		spec.switched(flags, on)
		return 1, nil
	case spec.valued == nil:
		return 1 + likelyValues(args[1:], hasValue), fmt.Errorf("flag %s is %s", dashed(name), notSupported)
	}
	used = 1
	if !hasValue {
		if len(args) < 2 {
			return 1, fmt.Errorf("flag %s needs a value", dashed(name))
		}
		value, used = args[1], 2
	}
	if err := spec.valued(flags, value); err != nil {
		return used, fmt.Errorf("flag %s: %w", dashed(name), err)
	}
	return used, nil
}

// parseWord reads an argument that is not a flag.
func parseWord(flags *Flags, args []string) (used int, err error) {
	switch args[0] {
	case "--":
		if len(args) == 1 {
			return 1, nil
		}
		return len(args), fmt.Errorf("unexpected argument %q; only flags are understood", args[1])
	case "help":
		flags.Help = true
	case "version":
		flags.Version = true
	default:
		return 1, fmt.Errorf("unexpected argument %q; flags begin with \"-\", and a switch takes its value after \"=\"", args[0])
	}
	return 1, nil
}

// likelyValues counts the arguments after a refused flag that may be its value,
// so that they are not reported as well.
func likelyValues(rest []string, hasValue bool) int {
	if hasValue || len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return 0
	}
	return 1
}

func findFlag(name string) *flagSpec {
	for i := range flagTable {
		if slices.Contains(flagTable[i].names, name) {
			return &flagTable[i]
		}
	}
	return nil
}

// flagHint ends the error for an unknown flag.
func flagHint(name string) string {
	for _, spec := range flagTable {
		short := spec.names[0]
		if spec.valued != nil && len(short) == 1 && strings.HasPrefix(name, short) {
			if _, err := strconv.Atoi(name[1:]); err == nil {
				return fmt.Sprintf("; write -%s %s", short, name[1:])
			}
		}
	}
	var names []string
	for _, spec := range flagTable {
		names = append(names, spec.names...)
	}
	if near := conf.Nearest(strings.ReplaceAll(name, "-", "_"), names); near != "" {
		return "; did you mean " + dashed(near) + "?"
	}
	return "; see --help"
}

// dashed writes a flag the way the help does: one dash for the short ones.
func dashed(name string) string {
	if spec := findFlag(name); spec != nil && name == spec.names[0] && (len(spec.names) > 1 || name == strings.ToUpper(name) || len(name) == 1) {
		return "-" + name
	}
	return "--" + name
}
