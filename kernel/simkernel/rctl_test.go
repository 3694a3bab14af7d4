package simkernel

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestRctl gives the recorded command lines of rctl(8) to Sim, as the tool
// would: it expands suffixes, the kernel does the rest.
func TestRctl(t *testing.T) {
	ctx := context.Background()
	errnos := map[string]syscall.Errno{
		"Invalid argument": syscall.EINVAL, "Result too large": syscall.ERANGE,
		"Operation not supported": syscall.EOPNOTSUPP, "No such process": syscall.ESRCH,
	}
	for _, release := range []string{"13.2", "15.1"} {
		f, err := os.Open(filepath.Join("../testdata/recorded", release, "tools/rctl.jsonl"))
		check(t, err)
		defer f.Close()
		s := newSim(t, Options{Release: release + "-RELEASE"})
		newJail(t, s, "j3")
		given := 0
		for sc := bufio.NewScanner(f); sc.Scan(); {
			var l struct {
				Cmd, Stdout, Stderr string
				Exit                int
			}
			check(t, json.Unmarshal(sc.Bytes(), &l))
			words, err := shellWords(l.Cmd)
			check(t, err)
			var args []string
			for _, w := range words[1:] {
				args = append(args, w.text)
			}
			subject := args[len(args)-1]
			out := ""
			switch args[0] {
			case "-a":
				if strings.Contains(l.Stderr, "malformed rule") {
					continue // the tool's own refusal
				}
				err = s.RctlAddRule(ctx, expand(subject))
			case "-r":
				err = s.RctlRemoveRule(ctx, subject)
			case "-u":
				var usage map[string]uint64
				usage, err = s.RctlGetRacct(ctx, subject)
				for row := range strings.Lines(l.Stdout) {
					name, _, _ := strings.Cut(row, "=")
					if _, ok := usage[name]; !ok {
						t.Errorf("%s: %s is missing", l.Cmd, name)
					}
				}
				if n := strings.Count(l.Stdout, "\n"); n != len(usage) {
					t.Errorf("%s: %d resources, recorded %d", l.Cmd, len(usage), n)
				}
				out = l.Stdout
			case "-h", "-hu", "-l": // the tool's own form; limits of processes
				continue
			default:
				var rules []string
				if rules, err = s.RctlGetRules(ctx, subject); len(rules) > 0 {
					out = strings.Join(rules, "\n") + "\n"
				}
			}
			given++
			if l.Exit == 0 {
				if err != nil || out != l.Stdout {
					t.Errorf("%s: %q %v, recorded %q", l.Cmd, out, err, l.Stdout)
				}
				continue
			}
			text := strings.TrimSpace(l.Stderr[strings.LastIndex(l.Stderr, ": ")+2:])
			if want, ok := errnos[text]; !ok || !errors.Is(err, want) {
				t.Errorf("%s: %v, recorded %q", l.Cmd, err, text)
			}
		}
		if given < 20 {
			t.Errorf("only %d lines of %s were given", given, release)
		}
	}
}

// expand does what rctl(8) does with an amount: "64m" becomes bytes.
func expand(rule string) string {
	head, tail, _ := strings.Cut(rule, "=")
	digits := strings.TrimRight(tail, "kmg")
	if digits == tail {
		return rule
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return rule
	}
	return head + "=" + strconv.Itoa(n<<map[string]int{"k": 10, "m": 20, "g": 30}[tail[len(digits):]])
}

func FuzzParseRule(f *testing.F) {
	f.Add("jail:a:maxproc:deny=10/user")
	f.Add("jail:a")
	f.Add("::::")
	f.Fuzz(func(t *testing.T, text string) {
		r, e := parseRule(text)
		if e != 0 || r.Subject == "" || r.ID == "" || r.Resource == "" || r.Action == "" || !r.hasAmount {
			return
		}
		if r.Per == "" {
			r.Per = r.Subject
		}
		again, e := parseRule(r.String())
		if e != 0 {
			t.Fatalf("%q became %q, which is refused: %v", text, r, e)
		}
		if again.Per == "" {
			again.Per = again.Subject
		}
		if *again != *r {
			t.Errorf("%q became %q", text, r)
		}
	})
}
