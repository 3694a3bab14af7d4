package fault_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/fault"
)

var (
	known   = []string{"create", "destroy"}
	errDisk = errors.New("the disk is on fire")
)

// failures counts the calls on the target "a" that fail, by their number.
func failures(l *fault.List, op string, calls int) (failed []int) {
	for n := 1; n <= calls; n++ {
		if l.Strike(op, "a") != nil {
			failed = append(failed, n)
		}
	}
	return failed
}

func TestMatch(t *testing.T) {
	tests := []struct {
		op, match    string
		call, target string
		want         bool
	}{
		{"", "", "create", "p/a", true},
		{"create", "", "create", "p/a", true},
		{"create", "", "destroy", "p/a", false},
		{"", "p/*", "create", "p/a/b", true},
		{"", "p/*", "create", "q/a", false},
		{"", "p/a", "create", "p/a/b", false},
		{"", "*a*", "create", "p/a/b", true},
		{"", "*", "create", "", true},
		{"", "p?a", "create", "p/a", true},
		{"", "p/[ab]", "create", "p/b", true},
		{"", "p/[ab]", "create", "p/c", false},
		{"", `p/\*`, "create", "p/*", true},
		{"", `p/\*`, "create", "p/a", false},
	}
	for _, test := range tests {
		var l fault.List
		l.Add(t, known, fault.Fault{Op: test.op, Match: test.match, Err: errDisk})
		require.Equal(t, test.want, l.Strike(test.call, test.target) != nil, "%+v", test)
	}
}

func TestNth(t *testing.T) {
	var l fault.List
	require.Empty(t, failures(&l, "create", 3))
	remove := l.Add(t, known, fault.Fault{Op: "create", Nth: 2, Err: errDisk})
	require.Empty(t, failures(&l, "destroy", 3))
	require.Equal(t, []int{2}, failures(&l, "create", 4))
	remove()
	remove()
	l.Add(t, known, fault.Fault{Nth: 1, Err: errDisk})
	require.Equal(t, []int{1}, failures(&l, "create", 4))
	every := l.Add(t, known, fault.Fault{Err: errDisk})
	require.Equal(t, []int{1, 2, 3}, failures(&l, "create", 3))
	every()
	require.Empty(t, failures(&l, "create", 3))
}

// TestFirstAddedStrikes: a call that another fault strikes counts for all.
func TestFirstAddedStrikes(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	var l fault.List
	l.Add(t, known, fault.Fault{Nth: 1, Err: first, After: true})
	l.Add(t, known, fault.Fault{Nth: 2, Err: second})
	f := l.Strike("create", "a")
	require.ErrorIs(t, f.Err, first)
	require.True(t, f.After)
	f = l.Strike("create", "a")
	require.ErrorIs(t, f.Err, second)
	require.False(t, f.After)
	require.Nil(t, l.Strike("create", "a"))
}

// recorder is a TB that does not stop.
type recorder struct{ messages []string }

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.messages = append(r.messages, fmt.Sprintf(format, args...))
}

func TestWrongFault(t *testing.T) {
	tests := []struct {
		wrong fault.Fault
		want  string
	}{
		{fault.Fault{Op: "crate", Err: errDisk}, `fault: unknown operation "crate"; known are create, destroy`},
		{fault.Fault{Match: "p/[", Err: errDisk}, `fault: malformed pattern "p/["`},
		{fault.Fault{Match: `p/\`, Err: errDisk}, `fault: malformed pattern "p/\\"`},
		{fault.Fault{Match: "p/*[a-]", Err: errDisk}, `fault: malformed pattern "p/*[a-]"`},
		{fault.Fault{Nth: -1, Err: errDisk}, "fault: negative Nth -1"},
		{fault.Fault{Op: "create"}, `fault: no error to fail "create" with`},
	}
	for _, test := range tests {
		var l fault.List
		var r recorder
		l.Add(&r, known, test.wrong)()
		require.Equal(t, []string{test.want}, r.messages)
		require.Nil(t, l.Strike("create", "p/a"))
	}
}

// TestConcurrent: exactly one of many calls at once is the nth.
func TestConcurrent(t *testing.T) {
	var l fault.List
	l.Add(t, known, fault.Fault{Nth: 50, Err: errDisk})
	var wg sync.WaitGroup
	struck := make(chan *fault.Fault, 100)
	for range 100 {
		wg.Go(func() {
			if f := l.Strike("create", "a"); f != nil {
				struck <- f
			}
			l.Add(t, known, fault.Fault{Op: "destroy", Err: errDisk})()
		})
	}
	wg.Wait()
	require.Len(t, struck, 1)
}

func TestStrikeReturnsACopy(t *testing.T) {
	var l fault.List
	l.Add(t, known, fault.Fault{Err: errDisk})
	l.Strike("create", "a").Err = nil
	require.ErrorIs(t, l.Strike("create", "a").Err, errDisk)
}
