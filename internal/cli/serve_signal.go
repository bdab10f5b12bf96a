package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tidings-io/tidings/internal/options"
)

// signalServers sends a signal to the servers that sig names: a process id, the
// files that match a pattern, or the only server of this program that runs.
func signalServers(sig options.Signal) error {
	if sig.Name == "reload" {
		return errors.New("signal reload is not supported yet; restart the server to apply its configuration")
	}
	number, ok := signalsByName[sig.Name]
	if !ok {
		return fmt.Errorf("signal %s does not exist on this system", sig.Name)
	}
	pids, err := signalTargets(sig.Target)
	if err != nil {
		return err
	}
	var errs []error
	for _, pid := range pids {
		process, err := os.FindProcess(pid)
		if err == nil {
			err = process.Signal(number)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("signal %s to process %d: %w", sig.Name, pid, err))
		}
	}
	return errors.Join(errs...)
}

func signalTargets(target string) ([]int, error) {
	if target == "" {
		return onlyServer()
	}
	if pid, err := strconv.Atoi(target); err == nil {
		return checkPID(pid, "--signal")
	}
	files, err := filepath.Glob(target)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", target, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no file matches %q; give a process id or the file that --pid names", target)
	}
	var pids []int
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read process id: %w", err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
		if err != nil {
			return nil, fmt.Errorf("%s holds no process id", file)
		}
		if _, err := checkPID(pid, file); err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// checkPID refuses the numbers that would mean a group of processes.
func checkPID(pid int, from string) ([]int, error) {
	if pid <= 1 {
		return nil, fmt.Errorf("%s: %d is not the process id of a server", from, pid)
	}
	return []int{pid}, nil
}

// onlyServer returns the id of the only running server of this executable. It
// looks into /proc; other systems have to name the process.
func onlyServer() ([]int, error) {
	const name = "name one with =PID or =FILE"
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find running servers: %w; %s", err, name)
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(commands) == 0 {
		return nil, errors.New("running servers cannot be found on this system; " + name)
	}
	var pids []int
	for _, file := range commands {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		exe, err := os.Readlink(filepath.Join(filepath.Dir(file), "exe"))
		if err != nil || exe != self {
			continue
		}
		if command, err := os.ReadFile(file); err == nil && isServer(string(command)) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	switch len(pids) {
	case 1:
		return pids, nil
	case 0:
		return nil, errors.New("no server is running; " + name)
	}
	return nil, fmt.Errorf("several servers are running: %v; %s", pids, name)
}

// isServer reports whether a command line, its arguments ended by NUL, is that
// of a server and not of another command or a sender of signals.
func isServer(command string) bool {
	args := strings.Split(command, "\x00")
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && (name == "sl" || name == "signal") {
			return false
		}
	}
	return isServerName(args[0]) || len(args) > 1 && args[1] == "serve"
}
