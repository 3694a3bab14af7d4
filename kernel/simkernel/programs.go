package simkernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// programs are those that every Kernel has.
var programs map[string]Program

func init() { // sh looks the others up
	programs = map[string]Program{
		"rc": succeed, "rc.shutdown": succeed,
		"cat": cat, "sleep": sleep, "sh": shell, "env": env,
		"id": printID, "hostname": hostname, "ls": ls, "kill": kill,
		"freebsd-version": version,
		"true":            builtins["true"], "false": builtins["false"], "echo": echo, "pwd": pwd,
		"test": test, "[": test, "printf": printf,
	}
}

func complain(p *Process, what string, err error) int {
	text := err.Error()
	if e, ok := errors.AsType[*kernel.CallError](err); ok && e.Errno != 0 {
		text = errnoText(e.Errno)
	}
	fmt.Fprintf(p.Stderr, "%s: %s: %s\n", path.Base(p.Argv[0]), what, text)
	return 1
}

func echo(_ context.Context, p *Process) int {
	args, end := p.Argv[1:], "\n"
	if len(args) > 0 && args[0] == "-n" {
		args, end = args[1:], ""
	}
	io.WriteString(p.Stdout, strings.Join(args, " ")+end)
	return 0
}

func cat(_ context.Context, p *Process) int {
	if len(p.Argv) == 1 {
		io.Copy(p.Stdout, p.Stdin)
		return 0
	}
	code := 0
	for _, name := range p.Argv[1:] {
		b, err := p.ReadFile(name)
		if err != nil {
			code = complain(p, name, err)
		}
		p.Stdout.Write(b)
	}
	return code
}

func sleep(_ context.Context, p *Process) int {
	if len(p.Argv) < 2 {
		io.WriteString(p.Stderr, "usage: sleep number[unit] [...]\n")
		return 1
	}
	var sum time.Duration
	for _, arg := range p.Argv[1:] {
		n, err := strconv.ParseFloat(arg, 64)
		if err != nil {
			fmt.Fprintf(p.Stderr, "sleep: invalid time interval: %s\n", arg)
			return 1
		}
		sum += time.Duration(n * float64(time.Second))
	}
	p.Sleep(sum)
	return 0
}

func env(_ context.Context, p *Process) int {
	for _, e := range p.Env {
		io.WriteString(p.Stdout, e+"\n")
	}
	return 0
}

func printID(_ context.Context, p *Process) int {
	switch {
	case len(p.Argv) > 1 && p.Argv[1] == "-u":
		fmt.Fprintf(p.Stdout, "%d\n", p.User())
	case p.User() == 0:
		io.WriteString(p.Stdout, "uid=0(root) gid=0(wheel) groups=0(wheel)\n")
	default:
		fmt.Fprintf(p.Stdout, "uid=%d gid=%d groups=%d\n", p.User(), p.User(), p.User())
	}
	return 0
}

func hostname(_ context.Context, p *Process) int {
	name, err := p.Sysctl("kern.hostname")
	if err != nil {
		return complain(p, "kern.hostname", err)
	}
	io.WriteString(p.Stdout, name+"\n")
	return 0
}

func ls(_ context.Context, p *Process) int {
	args := []string{}
	for _, a := range p.Argv[1:] {
		if !strings.HasPrefix(a, "-") {
			args = append(args, a)
		}
	}
	if len(args) == 0 {
		args = []string{"."}
	}
	code := 0
	for _, a := range args {
		names, err := p.ReadDir(a)
		if err != nil {
			code = complain(p, a, err)
		}
		for _, n := range names {
			if !strings.HasPrefix(n, ".") {
				io.WriteString(p.Stdout, n+"\n")
			}
		}
	}
	return code
}

func pwd(_ context.Context, p *Process) int {
	io.WriteString(p.Stdout, p.Dir()+"\n")
	return 0
}

var signalNumbers = map[string]int{
	"HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "ALRM": 14, "TERM": 15, "USR1": 30, "USR2": 31,
}

func kill(_ context.Context, p *Process) int {
	sig, args := 15, p.Argv[1:]
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name := strings.TrimPrefix(args[0][1:], "SIG")
		n, ok := signalNumbers[name]
		if !ok {
			var err error
			if n, err = strconv.Atoi(name); err != nil {
				fmt.Fprintf(p.Stderr, "kill: unknown signal %s\n", name)
				return 2
			}
		}
		sig, args = n, args[1:]
	}
	code := 0
	for _, a := range args {
		pid, err := strconv.Atoi(a)
		if err == nil {
			err = p.Signal(pid, sig)
		}
		if err != nil {
			fmt.Fprintf(p.Stderr, "kill: %s: No such process\n", a)
			code = 1
		}
	}
	return code
}

var userlandVersion = regexp.MustCompile(`(?m)^USERLAND_VERSION="?([^"\n]*)"?`)

// version prints what the script of that name would: the version of the
// userland, which is written in the script itself.
func version(_ context.Context, p *Process) int {
	if len(p.Argv) > 1 && (p.Argv[1] == "-k" || p.Argv[1] == "-r") {
		v, err := p.Sysctl("kern.osrelease")
		if err != nil {
			return complain(p, "kern.osrelease", err)
		}
		io.WriteString(p.Stdout, v+"\n")
		return 0
	}
	b, err := p.ReadFile("/bin/freebsd-version")
	if err != nil {
		return complain(p, "/bin/freebsd-version", err)
	}
	m := userlandVersion.FindSubmatch(b)
	if m == nil {
		io.WriteString(p.Stderr, "freebsd-version: unable to determine the version\n")
		return 1
	}
	io.WriteString(p.Stdout, string(m[1])+"\n")
	return 0
}
