package simkernel

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path"
	"runtime"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/tooltext"
)

// newProc finds the program. A nil process and no error is what jexec(8)
// refuses, with its words.
func (v *view) newProc(cmd kernel.Command) (*proc, string, error) {
	argv, env, dir, user := cmd.Argv, cmd.Env, cmd.Dir, cmd.User
	k := v.s
	root := v.me.rootPlace(k)
	if dir == "" {
		dir = "/"
	}
	jailed := v.jailed()
	cwd, info, e := k.lookupPath(root, root, dir, true)
	if e == 0 && !info.IsDir() {
		e = syscall.ENOTDIR
	}
	if e != 0 && !jailed {
		return nil, "", pathError("chdir", dir, e)
	}
	if e != 0 {
		return nil, "jexec: chdir: " + dir + ": " + errnoText(e) + "\n", nil
	}
	p := &proc{pr: v.me, view: v, root: root, cwd: cwd}
	if user != "" && user != "root" {
		accounts := root
		if cmd.SystemUser {
			accounts = (&prison{}).rootPlace(k) // the host's
		}
		uid, ok := k.userID(accounts, user)
		if !ok {
			return nil, "jexec: " + user + ": no such user\n", nil
		}
		p.User = uid
	}
	if p.program, e = k.findProgram(root, cwd, argv[0], env, jailed); e != 0 {
		if !jailed {
			return nil, "", pathError("run", argv[0], e)
		}
		return nil, "jexec: execvp: " + argv[0] + ": " + errnoText(e) + "\n", nil
	}
	return p, "", nil
}

// errnoText is strerror(3) of FreeBSD.
func errnoText(e syscall.Errno) string {
	switch e {
	case syscall.ENOENT:
		return "No such file or directory"
	case syscall.EACCES:
		return "Permission denied"
	case syscall.ENOTDIR:
		return "Not a directory"
	case syscall.ENOEXEC:
		return "Exec format error"
	case syscall.ENAMETOOLONG:
		return "File name too long"
	case syscall.EROFS:
		return "Read-only file system"
	}
	return e.Error()
}

// findProgram looks a program up: in a jail by its file, unless it is a scripted
// one without a file; on the host by its name.
func (k *machine) findProgram(root, cwd place, name string, env []string, jailed bool) (Program, syscall.Errno) {
	byName := func(name string) Program {
		if prog := k.opts.Programs[name]; prog != nil {
			return prog
		}
		return programs[name]
	}
	if !jailed {
		if prog := byName(path.Base(name)); prog != nil {
			return prog, 0
		}
	}
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = nil
		for _, dir := range strings.Split(getenv(env, "PATH", tooltext.DefaultPath), ":") {
			candidates = append(candidates, path.Join("/", dir, name))
		}
	}
	worst := syscall.ENOENT
	for _, c := range candidates {
		at, info, e := k.lookupPath(root, cwd, c, true)
		if e != 0 {
			if e != syscall.ENOENT {
				worst = e
			}
			continue
		}
		if !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode()&0o111 == 0 {
			worst = syscall.EACCES
			continue
		}
		file, _ := k.real(at)
		if sim, ok := interpreter(file); ok {
			if prog := byName(sim); prog != nil {
				return prog, 0
			}
			return nil, syscall.ENOENT
		}
		if prog := byName(path.Base(c)); prog != nil {
			return prog, 0
		}
		return nil, syscall.ENOEXEC
	}
	if prog := k.opts.Programs[path.Base(name)]; prog != nil && worst == syscall.ENOENT {
		return prog, 0 // a scripted program needs no file
	}
	return nil, worst
}

// interpreter reads NAME of a file's first line "#!sim NAME".
func interpreter(file string) (string, bool) {
	f, err := os.Open(file)
	if err != nil {
		return "", false
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(io.LimitReader(f, 256), 256).ReadString('\n')
	name, ok := strings.CutPrefix(strings.TrimSpace(line), "#!sim ")
	return strings.TrimSpace(name), ok
}

func getenv(env []string, name, deflt string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(env[i], name+"="); ok {
			return v
		}
	}
	return deflt
}

// userID finds a user in the jail's passwd(5).
func (k *machine) userID(root place, user string) (uint32, bool) {
	b, err := k.readFile(root, root, "/etc/passwd")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(b) {
		f := strings.Split(string(bytes.TrimSpace(line)), ":")
		if len(f) < 4 || f[0] != user {
			continue
		}
		n := uint32(0)
		for _, c := range f[2] {
			if c < '0' || c > '9' {
				return 0, false
			}
			n = n*10 + uint32(c-'0')
		}
		return n, true
	}
	return 0, false
}

func (k *machine) readFile(root, cwd place, p string) ([]byte, error) {
	at, _, e := k.lookupPath(root, cwd, p, true)
	if e != 0 {
		return nil, pathError("open", p, e)
	}
	if at.m.Type == "devfs" && at.rel == "/null" {
		return nil, nil
	}
	file, ok := k.real(at)
	if !ok {
		return nil, pathError("open", p, syscall.EOPNOTSUPP)
	}
	return os.ReadFile(file)
}

// readDir lists a directory, sorted.
func (k *machine) readDir(at place) ([]string, error) {
	if at.m.Type == "devfs" && at.rel == "/" {
		return k.visible(at.m), nil
	}
	file, ok := k.real(at)
	if !ok || at.m.Dir == "" && !at.m.shows() && !at.m.onDisk() {
		return nil, nil
	}
	list, err := os.ReadDir(file)
	names := make([]string, 0, len(list))
	for _, d := range list {
		names = append(names, d.Name())
	}
	return names, err
}
