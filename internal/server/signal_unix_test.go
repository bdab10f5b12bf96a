//go:build unix

package server_test

import "syscall"

const terminate = syscall.SIGTERM
