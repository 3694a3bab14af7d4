//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
)

// insideEnv, when set, makes this test binary a process of the jail with that
// jid, which makes the one call that its standard input names.
const insideEnv = "KERNEL_TEST_INSIDE"

// InsideCall is one call made by a process of a jail.
type InsideCall struct {
	Op     string
	Flags  uint64
	Params []kernel.Param
	Want   []string
	ID     kernel.Identity
	Mount  kernel.MountRequest
	Text   string
}

// InsideAnswer is what it gave.
type InsideAnswer struct {
	JID     int
	Params  kernel.Params
	ID      kernel.Identity
	Infos   []kernel.ParamInfo
	Mounted []kernel.Mounted
	Text    string
	Failed  bool
	Errno   syscall.Errno
	Subject string
	Msg     string
	Is      []string // the sentinels that the error is
	OfJail  bool     // a JailError, else a CallError
}

var insideSentinels = map[string]error{
	"not found": kernel.ErrNotFound, "exists": kernel.ErrExists, "dying": kernel.ErrDying, "stale": kernel.ErrStale, "unsupported": kernel.ErrUnsupported,
}

// Err is the error of the call, as much of it as passes between processes.
func (a InsideAnswer) Err() error {
	if !a.Failed {
		return nil
	}
	var is []error
	for _, name := range a.Is {
		is = append(is, insideSentinels[name])
	}
	if a.OfJail {
		return &kernel.JailError{Op: "inside", Name: a.Subject, Errno: a.Errno, Msg: a.Msg, Err: errors.Join(is...)}
	}
	return &kernel.CallError{Op: "inside", Subject: a.Subject, Errno: a.Errno, Msg: a.Msg, Err: errors.Join(is...)}
}

// CallInside starts this test binary as a process of the jail for one call.
func CallInside(id kernel.Identity, call InsideCall) (InsideAnswer, error) {
	self, err := os.Executable()
	if err != nil {
		return InsideAnswer{}, err
	}
	in, err := json.Marshal(call)
	if err != nil {
		return InsideAnswer{}, err
	}
	cmd := exec.Command(self)
	cmd.Dir = "/"
	cmd.Env = []string{insideEnv + "=" + strconv.Itoa(id.JID)}
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return InsideAnswer{}, fmt.Errorf("inside %v: %w", id, err)
	}
	var a InsideAnswer
	return a, json.Unmarshal(out, &a)
}

// serveInside is the child's side; the result is its exit status.
func serveInside(jid string) int {
	n, err := strconv.Atoi(jid)
	if err != nil {
		return 3
	}
	closeDirectories()
	if errno := numberCall(unix.SYS_JAIL_ATTACH, n); errno != 0 {
		fmt.Fprintln(os.Stderr, "jail_attach", n, errno)
		return 4
	}
	var call InsideCall
	if err := json.NewDecoder(os.Stdin).Decode(&call); err != nil {
		return 5
	}
	k, err := New()
	if err != nil {
		return 7
	}
	if err := json.NewEncoder(os.Stdout).Encode(call.do(k)); err != nil {
		return 6
	}
	return 0
}

func (c InsideCall) do(k kernel.Kernel) (a InsideAnswer) {
	ctx := context.Background()
	var err error
	switch c.Op {
	case "JailSet":
		a.JID, err = k.JailSet(ctx, kernel.SetFlags(c.Flags), c.Params...)
	case "JailGet":
		a.Params, err = k.JailGet(ctx, kernel.GetFlags(c.Flags), c.Params[0], c.Want...)
	case "JailIdentify":
		a.ID, err = k.JailIdentify(ctx, kernel.GetFlags(c.Flags), c.Params[0])
	case "JailRemove":
		err = k.JailRemove(ctx, c.ID)
	case "JailParams":
		a.Infos, err = k.JailParams(ctx)
	case "Nmount":
		_, err = k.Nmount(ctx, c.Mount)
	case "Unmount":
		err = k.Unmount(ctx, c.Text, kernel.MountFlags(c.Flags))
	case "Getfsstat":
		a.Mounted, err = k.Getfsstat(ctx)
	case "SysctlString":
		a.Text, err = k.SysctlString(ctx, c.Text)
	case "SysctlInt":
		var n int64
		n, err = k.SysctlInt(ctx, c.Text)
		a.Text = strconv.FormatInt(n, 10)
	default:
		err = fmt.Errorf("no call %q", c.Op)
	}
	if err == nil {
		return a
	}
	a.Failed, a.Msg = true, err.Error()
	var je *kernel.JailError
	var ce *kernel.CallError
	switch {
	case errors.As(err, &je):
		a.OfJail, a.Errno, a.Subject, a.Msg = true, je.Errno, je.Name, je.Msg
	case errors.As(err, &ce):
		a.Errno, a.Subject, a.Msg = ce.Errno, ce.Subject, ce.Msg
	}
	for name, sentinel := range insideSentinels {
		if errors.Is(err, sentinel) {
			a.Is = append(a.Is, name)
		}
	}
	return a
}

// HoldJail keeps sockets that a process of the jail has opened, so that the
// jail stays dying after its end.
func HoldJail(id kernel.Identity) (release func(), err error) {
	s, err := (&system{}).openInVnet(context.Background(), id, nil)
	return s.close, err
}
