package replaytest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// Hooks are what a recorded line needs and kernel.Kernel has no call for.
type Hooks interface {
	// Inside is the kernel as a process of the jail sees it.
	Inside(id kernel.Identity) (kernel.Kernel, error)
	// Process starts a process in the jail. It stays unreaped after its end,
	// until end is called, which kills it if it still runs.
	Process(id kernel.Identity) (end func() kernel.Exit, err error)
	// Hold is a socket of the jail that outlives it.
	Hold(id kernel.Identity) (release func(), err error)
	// Open holds a directory open.
	Open(path string) (release func(), err error)
	// ReadDir lists a directory, and Create makes a file.
	ReadDir(path string) ([]string, error)
	Create(path string) error
	// Sleep lets time go by.
	Sleep(d time.Duration)
	// Tree makes "dir/", "file" and "link -> target" before the first line.
	Tree(paths []string) error
}

// replayer replays one file.
type replayer struct {
	k     kernel.Kernel
	hooks Hooks
	ends  map[string]func() kernel.Exit
	held  map[string]func()
	owned map[string]*kernel.OwnedJail
	watch *jailWatch
}

// errCannot: a typed interface has no way to say this.
var errCannot = errors.New("cannot be expressed")

func cannot(why string) error { return fmt.Errorf("%w: %s", errCannot, why) }

// ReplayFile gives each line to the kernel. At most 5 % of the lines that can
// be expressed may be excepted, and an exception that is not needed is an error.
func ReplayFile(t *testing.T, rel string, fs Setup, exceptions map[string]string, k kernel.Kernel, hooks Hooks) {
	f, err := os.Open(filepath.Join(*Recordings, filepath.FromSlash(rel)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := &replayer{k: k, hooks: hooks, ends: map[string]func() kernel.Exit{}, held: map[string]func(){}, owned: map[string]*kernel.OwnedJail{}}
	defer func() { r.watch.stop() }()
	expressible, excepted := 0, 0
	sc := bufio.NewScanner(f)
	n := 1
	for ; sc.Scan(); n++ {
		var l line
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		key := fmt.Sprintf("%s:%d", rel, n)
		reason, isException := exceptions[key]
		delete(exceptions, key)
		s := fs.Lines[strconv.Itoa(n)]
		err := r.replay(l, s)
		switch {
		case errors.Is(err, errCannot) && !isException && !fs.borrowed:
			t.Errorf("%s %q: %v, and exceptions.txt does not say so", key, l.Case, err)
		case errors.Is(err, errCannot):
		case err == nil && isException:
			t.Errorf("%s %q passes; its exception is stale: %s", key, l.Case, reason)
		case err != nil && isException:
			excepted++
			expressible++
		case err != nil:
			t.Errorf("%s %q: %v", key, l.Case, err)
			expressible++
		default:
			expressible++
		}
		for _, cmd := range s.After {
			if err := r.do(cmd); err != nil {
				t.Fatalf("%s: after, %s: %v", key, cmd, err)
			}
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	for key := range exceptions {
		if strings.HasPrefix(key, rel+":") {
			t.Errorf("exception for a line that does not exist: %s", key)
		}
	}
	if excepted*20 > expressible {
		t.Errorf("%d of %d lines are excepted, more than 5 %%", excepted, expressible)
	}
	t.Logf("%d lines, %d expressible, %d of them excepted", n-1, expressible, excepted)
	for _, end := range r.ends {
		end()
	}
}

// replay makes the call of one line and compares all that was recorded of it.
func (r *replayer) replay(l line, s lineSetup) error {
	for _, cmd := range s.Do {
		if err := r.do(cmd); err != nil {
			return fmt.Errorf("do %s: %w", cmd, err)
		}
	}
	if s.Params != nil {
		l.Params = s.Params
	}
	if s.Flags != "" {
		l.Flags = s.Flags
	}
	if s.Errno != "" {
		l.Errno, l.OK = s.Errno, false
	}
	if s.Cannot != "" {
		return cannot(s.Cannot)
	}
	k := r.k
	if s.Inside != "" {
		id, err := r.identify(s.Inside)
		if err != nil {
			return err
		}
		if k, err = r.hooks.Inside(id); err != nil {
			return err
		}
	}
	switch l.Call {
	case "jail_set":
		if strings.Contains(l.Flags, "own_desc") {
			return r.setOwned(k, l)
		}
		return replaySet(k, l)
	case "jail_get":
		return replayGet(k, l, s)
	case "jail_remove":
		return replayRemove(k, l, s)
	case "nmount":
		return replayMount(k, l)
	case "unmount":
		flags, _ := strconv.ParseUint(l.Flags, 0, 64)
		return l.compare(k.Unmount(context.Background(), l.Params[0], kernel.MountFlags(flags)))
	case "getfsstat":
		return replayTable(k, l)
	case "sysctl":
		return replaySysctl(k, l)
	case "wait4":
		if got := r.ends[s.Process]().Signal; got != s.Signal {
			return fmt.Errorf("ended by signal %d, recorded %s", got, l.Note)
		}
		delete(r.ends, s.Process)
		return nil
	case "readdir":
		names, err := r.hooks.ReadDir(s.Path)
		if got := strings.Join(names, " "); err == nil && got != l.Note {
			return fmt.Errorf("recorded %q, got %q", l.Note, got)
		}
		return err
	case "open":
		if err := r.hooks.Create(s.Path); !errors.Is(err, syscall.EROFS) || !strings.Contains(l.Note, "read-only file system") {
			return fmt.Errorf("recorded %q, got %w", l.Note, err)
		}
		return nil
	case "connect":
		return r.do("hold " + s.Hold)
	case "jail_remove_jd":
		return l.compare(r.owned[s.Remove].Close())
	case "kevent":
		return r.watch.expect(s.Event)
	}
	return cannot("no call for " + l.Call)
}

func (r *replayer) identify(name string) (kernel.Identity, error) {
	return r.k.JailIdentify(context.Background(), kernel.JailDying, kernel.ByName(name))
}

// do runs one command of the sidecar.
func (r *replayer) do(cmd string) error {
	verb, arg, _ := strings.Cut(cmd, " ")
	switch verb {
	case "remove":
		id, err := r.identify(arg)
		if err != nil {
			return err
		}
		return r.k.JailRemove(context.Background(), id)
	case "set":
		flags, rest, _ := strings.Cut(arg, " ")
		return replaySet(r.k, line{Call: "jail_set", Flags: flags, Params: strings.Fields(rest), OK: true})
	case "close-owned":
		return r.owned[arg].Close()
	case "watch":
		r.watch = Watch(r.k)
		return nil
	case "process", "hold":
		id, err := r.identify(arg)
		if err != nil {
			return err
		}
		if verb == "process" {
			r.ends[arg], err = r.hooks.Process(id)
		} else {
			r.held[arg], err = r.hooks.Hold(id)
		}
		return err
	case "end":
		r.ends[arg]()
		delete(r.ends, arg)
		return nil
	case "open":
		release, err := r.hooks.Open(arg)
		r.held[arg] = release
		return err
	case "release", "close":
		r.held[arg]()
		return nil
	case "sleep":
		d, err := time.ParseDuration(arg)
		r.hooks.Sleep(d)
		return err
	}
	return fmt.Errorf("unknown command")
}

// compare checks success, errno and, where one was recorded, the message.
func (l line) compare(err error) error {
	if l.OK {
		if err != nil {
			return fmt.Errorf("recorded ok, got %w", err)
		}
		return nil
	}
	if err == nil {
		return fmt.Errorf("recorded %s %q, got ok", l.Errno, l.Errmsg)
	}
	want, ok := errnoByName[l.Errno]
	if !ok {
		return fmt.Errorf("unknown errno %q", l.Errno)
	}
	if !errors.Is(err, want) {
		return fmt.Errorf("recorded %s, got %w", l.Errno, err)
	}
	var je *kernel.JailError
	var ce *kernel.CallError
	msg := ""
	switch {
	case errors.As(err, &je):
		msg = je.Msg
	case errors.As(err, &ce):
		msg = ce.Msg
	}
	if l.Errmsg != "" && msg != l.Errmsg {
		return fmt.Errorf("recorded message %q, got %q", l.Errmsg, msg)
	}
	return nil
}
