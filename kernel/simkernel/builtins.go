package simkernel

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// builtins are the commands that sh(1) runs itself, so that they need no file.
// exit, exec and wait are part of runShell.
var builtins = map[string]Program{
	":":      succeed,
	"true":   succeed,
	"false":  func(context.Context, *Process) int { return 1 },
	"echo":   echo,
	"printf": printf,
	"test":   test,
	"[":      test,
	"cd":     cd,
	"pwd":    pwd,
	"wait":   succeed, // there is nothing to wait for: "&" makes a daemon
}

func succeed(context.Context, *Process) int { return 0 }

// cd changes the working directory of the shell.
func cd(_ context.Context, p *Process) int {
	dir := p.Getenv("HOME")
	if len(p.Argv) > 1 {
		dir = p.Argv[1]
	}
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	at, info, e := p.k.lookupPath(p.proc.root, p.proc.cwd, dir, true)
	if e == 0 && !info.IsDir() {
		e = syscall.ENOTDIR
	}
	if e != 0 {
		fmt.Fprintf(p.Stderr, "cd: %s: %s\n", dir, errnoText(e))
		return 2
	}
	p.proc.cwd = at
	return 0
}

// stat looks a file up as the process sees it.
func (p *Process) stat(name string, follow bool) (fs.FileInfo, syscall.Errno) {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	_, info, e := p.k.lookupPath(p.proc.root, p.proc.cwd, name, follow)
	return info, e
}

// test is test(1): a string, or an operator with its operands, perhaps behind
// "!". Parentheses, -a and -o are not simulated.
func test(_ context.Context, p *Process) int {
	args := p.Argv[1:]
	if path.Base(p.Argv[0]) == "[" {
		if len(args) == 0 || args[len(args)-1] != "]" {
			io.WriteString(p.Stderr, "[: missing ]\n")
			return 2
		}
		args = args[:len(args)-1]
	}
	want := true
	for len(args) > 1 && args[0] == "!" {
		want, args = !want, args[1:]
	}
	is, err := evaluate(p, args)
	switch {
	case err != nil:
		fmt.Fprintf(p.Stderr, "%s: %v\n", path.Base(p.Argv[0]), err)
		return 2
	case is == want:
		return 0
	}
	return 1
}

// evaluate reports whether an expression of test(1) is true.
func evaluate(p *Process, args []string) (bool, error) {
	switch len(args) {
	case 0:
		return false, nil
	case 1:
		return args[0] != "", nil
	case 2:
		return evaluateFile(p, args[0], args[1])
	case 3:
		return compare(args[0], args[1], args[2])
	}
	return false, fmt.Errorf("%s: unexpected operator", args[1])
}

func evaluateFile(p *Process, op, arg string) (bool, error) {
	switch op {
	case "-n":
		return arg != "", nil
	case "-z":
		return arg == "", nil
	}
	info, e := p.stat(arg, op != "-h" && op != "-L")
	there := e == 0
	mode := fs.FileMode(0)
	if there {
		mode = info.Mode()
	}
	switch op {
	case "-e":
		return there, nil
	case "-f":
		return there && mode.IsRegular(), nil
	case "-d":
		return there && mode.IsDir(), nil
	case "-h", "-L":
		return there && mode&fs.ModeSymlink != 0, nil
	case "-s":
		return there && info.Size() > 0, nil
	case "-r":
		return there && mode&0o444 != 0, nil
	case "-w":
		return there && mode&0o222 != 0, nil
	case "-x":
		return there && mode&0o111 != 0, nil
	}
	return false, fmt.Errorf("%s: unexpected operator", op)
}

func compare(a, op, b string) (bool, error) {
	switch op {
	case "=", "==":
		return a == b, nil
	case "!=":
		return a != b, nil
	case "-eq", "-ne", "-lt", "-le", "-gt", "-ge":
	default:
		return false, fmt.Errorf("%s: unexpected operator", op)
	}
	n, err := strconv.ParseInt(a, 10, 64)
	if err != nil {
		return false, fmt.Errorf("%s: bad number", a)
	}
	m, err := strconv.ParseInt(b, 10, 64)
	if err != nil {
		return false, fmt.Errorf("%s: bad number", b)
	}
	return map[string]bool{
		"-eq": n == m, "-ne": n != m, "-lt": n < m, "-le": n <= m, "-gt": n > m, "-ge": n >= m,
	}[op], nil
}

// printf is printf(1) with the conversions b, c, d, i, o, s, u, x, X and %; the
// format is used again while there are arguments.
func printf(_ context.Context, p *Process) int {
	if len(p.Argv) < 2 {
		io.WriteString(p.Stderr, "usage: printf format [arguments ...]\n")
		return 1
	}
	format, args := p.Argv[1], p.Argv[2:]
	for {
		text, used, err := formatOnce(format, args)
		io.WriteString(p.Stdout, text)
		if err != nil {
			fmt.Fprintf(p.Stderr, "printf: %v\n", err)
			return 1
		}
		if args = args[used:]; len(args) == 0 || used == 0 {
			return 0
		}
	}
}

// formatOnce goes through the format once and returns how many arguments it used.
func formatOnce(format string, args []string) (text string, used int, err error) {
	var out strings.Builder
	next := func() string {
		if used == len(args) {
			return ""
		}
		used++
		return args[used-1]
	}
	for format != "" {
		plain, rest, found := strings.Cut(format, "%")
		out.WriteString(unescape(plain))
		if !found {
			break
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("#-+ 0123456789.", r) })
		if end < 0 {
			return out.String(), used, fmt.Errorf("missing format character")
		}
		flags, verb := rest[:end], rest[end]
		format = rest[end+1:]
		switch verb {
		case '%':
			out.WriteByte('%')
		case 's':
			fmt.Fprintf(&out, "%"+flags+"s", next())
		case 'b':
			fmt.Fprintf(&out, "%"+flags+"s", unescape(next()))
		case 'c':
			fmt.Fprintf(&out, "%"+flags+".1s", next())
		case 'd', 'i', 'u', 'o', 'x', 'X':
			n, err := number(next())
			if err != nil {
				return out.String(), used, err
			}
			if verb == 'i' || verb == 'u' {
				verb = 'd'
			}
			fmt.Fprintf(&out, "%"+flags+string(verb), n)
		default:
			return out.String(), used, fmt.Errorf("illegal format character %c", verb)
		}
	}
	return out.String(), used, nil
}

func number(arg string) (int64, error) {
	if arg == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(arg, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: expected numeric value", arg)
	}
	return n, nil
}

// escapes are those of printf(1) for one byte.
var escapes = strings.NewReplacer(
	`\\`, `\`, `\a`, "\a", `\b`, "\b", `\f`, "\f", `\n`, "\n", `\r`, "\r", `\t`, "\t", `\v`, "\v", `\0`, "\x00", `\"`, `"`, `\'`, "'",
)

func unescape(s string) string { return escapes.Replace(s) }
