package zfsstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsprop"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// replayer runs command lines of a recording on a Store.
type replayer struct {
	s         zfsstore.Store
	simulated zfsstore.Store // s unless that is the real ZFS
	rules     zfsprop.Rules  // of the recording's version
	altroot   string
	// tolerance is how many of a hundred lines may differ for a reason.
	tolerance int
	busy      string   // the working directory of the line being run
	held      *os.File // keeps that in use for the real ZFS
}

// newReplayer replays on a new simulated ZFS.
func newReplayer(t *testing.T, version string) *replayer {
	r := &replayer{altroot: t.TempDir(), tolerance: 5}
	store, err := simzfs.New(simzfs.Options{
		Pools:   []simzfs.Pool{{Name: "zroot", Altroot: r.altroot, Size: 20937965568}},
		Version: version,
		Busy:    func(path string) bool { return r.busy != "" && strings.HasPrefix(r.busy+"/", path+"/") },
		Jail:    func(jail string) (int, bool) { return 5, jail == "zj" },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.s, r.simulated, r.rules = store, store, zfsprop.Of(version)
	return r
}

// output is what a command line did.
type output struct {
	stdout, stderr string
	exit           int
	err            error
	columns        []string // of stdout, if it is a table
	unknown        string   // why it cannot be expressed
}

// words splits a command line as sh(1) does, for what the recordings use:
// quotes, and one command substitution that makes long values.
func shellWords(line string) []string {
	repeat := regexp.MustCompile(`\$\(head -c (\d+) /dev/zero \| tr '\\0' (\w)\)`)
	line = repeat.ReplaceAllStringFunc(line, func(s string) string {
		m := repeat.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[1])
		return strings.Repeat(m[2], n)
	})
	var words []string
	var word strings.Builder
	inWord, quote := false, byte(0)
	for _, c := range []byte(line) {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, inWord = c, true
		case quote == 0 && c == ' ':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

var andThen = regexp.MustCompile(` && |; `)

// shell runs a line: commands joined by "&&" and ";".
func (r *replayer) shell(line string) output {
	defer r.leave()
	var all output
	for {
		part, rest, joint := line, "", ""
		if at := andThen.FindStringIndex(line); at != nil {
			part, rest, joint = line[:at[0]], line[at[1]:], line[at[0]:at[1]]
		}
		one := r.command(strings.ReplaceAll(part, "$?", strconv.Itoa(all.exit)))
		all.stdout += one.stdout
		all.stderr += one.stderr
		all.exit = one.exit
		if one.columns != nil {
			all.columns = one.columns
		}
		if one.err != nil {
			all.err = one.err
		}
		if one.unknown != "" {
			all.unknown = one.unknown
			return all
		}
		if joint == "" || joint == " && " && one.exit != 0 {
			return all
		}
		line = rest
	}
}

// expressible reports whether a line can be said with a Store's methods.
func (r *replayer) expressible(line string) bool {
	dry := *r
	dry.s = nil // every method would panic: nothing may be run
	defer func() { recover() }()
	possible := true
	func() {
		defer func() {
			if recover() != nil {
				possible = true
			}
		}()
		possible = dry.shell(line).unknown == ""
	}()
	return possible
}

// prepare runs what a recording does not tell was done.
func (r *replayer) prepare(line string) error {
	out := r.shell(line)
	if out.exit != 0 || out.unknown != "" {
		return fmt.Errorf("%s%s%s", out.stderr, out.unknown, "")
	}
	return nil
}

// enter makes a directory the line's working directory.
func (r *replayer) enter(dir string) error {
	r.busy = dir
	if r.s == r.simulated {
		return nil
	}
	// Unmounting is refused for an open directory as for a working directory.
	var err error
	r.held, err = os.Open(dir)
	return err
}

func (r *replayer) leave() {
	r.busy = ""
	if r.held != nil {
		r.held.Close()
	}
	r.held = nil
}

func (r *replayer) path(p string) string { return filepath.Join(r.altroot, p) }

func (r *replayer) command(line string) output {
	if limited, rest, ok := strings.Cut(line, " | "); ok && strings.HasPrefix(limited, "head -c ") {
		return r.limitedInput(shellWords(limited), shellWords(rest))
	}
	if counted, ok := strings.CutSuffix(line, " | wc -c"); ok {
		out := r.command(counted)
		out.stdout, out.exit = fmt.Sprintf("%8d\n", len(out.stdout)), 0
		return out
	}
	w := shellWords(line)
	failed := func(err error) output { return output{stderr: err.Error() + "\n", exit: 1} }
	switch w[0] {
	case "zfs":
		return r.zfs(w[1:], nil)
	case "zpool":
		return r.zpool(w[1:])
	case "cd":
		if err := r.enter(r.path(w[1])); err != nil {
			return failed(err)
		}
	case "pwd":
		return output{stdout: strings.TrimPrefix(r.busy, r.altroot) + "\n"}
	case "echo":
		if len(w) == 4 && w[2] == ">" {
			if err := os.WriteFile(r.path(w[3]), []byte(w[1]+"\n"), 0o644); err != nil {
				return failed(err)
			}
			return output{}
		}
		return output{stdout: strings.Join(w[1:], " ") + "\n"}
	case "touch":
		if err := os.WriteFile(r.path(w[1]), nil, 0o644); err != nil {
			return failed(err)
		}
	case "mkdir":
		if err := os.MkdirAll(r.path(w[len(w)-1]), 0o755); err != nil {
			return failed(err)
		}
	case "cat":
		text, err := os.ReadFile(r.path(w[1]))
		if err != nil {
			return failed(err)
		}
		return output{stdout: string(text)}
	case "ls":
		if len(w) != 2 {
			return output{unknown: "ls with options"}
		}
		entries, err := os.ReadDir(r.path(w[1]))
		if err != nil {
			return failed(err)
		}
		var out output
		for _, e := range entries {
			out.stdout += e.Name() + "\n"
		}
		return out
	default:
		return output{unknown: "the command " + w[0]}
	}
	return output{}
}

// limitedInput is head -c N FILE | zfs receive NAME.
func (r *replayer) limitedInput(head, receive []string) output {
	n, err := strconv.Atoi(head[2])
	if err != nil || len(receive) < 2 || receive[0] != "zfs" {
		return output{unknown: "a pipe"}
	}
	if head[3] == "/dev/random" {
		return r.zfs(receive[1:], bytes.NewReader(bytes.Repeat([]byte{0xa5}, n)))
	}
	text, err := os.ReadFile(r.path(head[3]))
	if err != nil {
		return output{stderr: err.Error(), exit: 1}
	}
	// Streams differ in length; what the recording cuts short is cut here.
	return r.zfs(receive[1:], bytes.NewReader(text[:min(n, len(text)/2)]))
}

// answer makes the output of an operation.
func answer(err error) output {
	if err == nil {
		return output{}
	}
	out := output{err: err, exit: 1}
	var e *zfsstore.Error
	if errors.As(err, &e) {
		out.stderr, out.exit = e.Stderr, e.ExitCode
	}
	return out
}

func (r *replayer) zpool(args []string) output {
	if args[0] != "list" || len(args) < 2 || !strings.HasPrefix(args[1], "-") {
		return output{unknown: "zpool " + args[0]}
	}
	columns := []string{"name", "size", "alloc", "free", "ckpoint", "expandsz", "frag", "cap", "dedup", "health", "altroot"}
	if len(args) == 5 && args[3] == "-o" {
		columns = strings.Split(args[4], ",")
	}
	pools, err := r.s.Pools(context.Background())
	if err != nil {
		return answer(err)
	}
	out := output{columns: columns}
	for _, p := range pools {
		if p.Name != "zroot" {
			continue // of the machine
		}
		values := map[string]string{
			"name": p.Name, "health": p.Health, "altroot": "-", "ckpoint": "-", "expandsz": "-", "frag": "0", "cap": "0", "dedup": "1.00",
		}
		var line []string
		for _, c := range columns {
			line = append(line, values[c])
		}
		out.stdout += strings.Join(line, "\t") + "\n"
	}
	return out
}

func sendTo(w io.Writer, stream io.ReadCloser) error {
	_, err := io.Copy(w, stream)
	return errors.Join(err, stream.Close())
}
