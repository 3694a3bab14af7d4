//go:build amd64 || arm64 || riscv64

package freebsd_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"

	"github.com/libioc/go-libioc/kernel"
)

// jidShift is how far the jids of this run are above the recorded ones: the
// kernel counts them up from boot.
type jidShift int

// recordedAuto bounds the jids that were given automatically; those that a
// recording chose itself are above it and stay.
const recordedAuto = 70

// chosenJIDs are those that a recording chose itself for a jail.
var chosenJIDs = []int{77, 78, 123, 4711}

// meetsChosen reports whether a jid given automatically could be one of them.
func (s jidShift) meetsChosen() bool {
	return s != 0 && slices.ContainsFunc(chosenJIDs, func(jid int) bool { return jid > int(s) && jid <= int(s)+recordedAuto })
}

func (s jidShift) real(jid int) int {
	if jid > 0 && jid <= recordedAuto {
		return jid + int(s)
	}
	return jid
}

func (s jidShift) recorded(jid int) int {
	if jid > int(s) && jid <= int(s)+recordedAuto {
		return jid - int(s)
	}
	return jid
}

// jidKernel is a kernel whose jids are the recorded ones.
type jidKernel struct {
	kernel.Kernel
	shift jidShift
}

var jidParams = map[string]bool{"jid": true, "lastjid": true, "parent": true}

// param turns the jid in a parameter, also in a name that is a jid.
func (k jidKernel) param(p kernel.Param, turn func(int) int) kernel.Param {
	switch {
	case jidParams[p.Name] && len(p.Data) == 4:
		return kernel.Int(p.Name, turn(kernel.Params{p}.Int(p.Name)))
	case p.Name == "name":
		text := kernel.Params{p}.String("name")
		if n, err := strconv.Atoi(text); err == nil && strconv.Itoa(n) == text {
			return kernel.String("name", strconv.Itoa(turn(n)))
		}
	}
	return p
}

var jidInText = regexp.MustCompile(`(jail "?|after )(\d+)\b`)

// err turns the jids in an error back.
func (k jidKernel) err(err error) error {
	var je *kernel.JailError
	if !errors.As(err, &je) {
		return err
	}
	e := *je
	e.Msg = jidInText.ReplaceAllStringFunc(e.Msg, func(s string) string {
		m := jidInText.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[2])
		return m[1] + strconv.Itoa(k.shift.recorded(n))
	})
	return &e
}

func (k jidKernel) JailSet(ctx context.Context, flags kernel.SetFlags, params ...kernel.Param) (int, error) {
	turned := make([]kernel.Param, len(params))
	for i, p := range params {
		turned[i] = k.param(p, k.shift.real)
	}
	jid, err := k.Kernel.JailSet(ctx, flags, turned...)
	return k.shift.recorded(jid), k.err(err)
}

func (k jidKernel) JailGet(ctx context.Context, flags kernel.GetFlags, key kernel.Param, want ...string) (kernel.Params, error) {
	got, err := k.Kernel.JailGet(ctx, flags, k.param(key, k.shift.real), want...)
	for i := range got {
		got[i] = k.param(got[i], k.shift.recorded)
	}
	return got, k.err(err)
}

func (k jidKernel) JailIdentify(ctx context.Context, flags kernel.GetFlags, key kernel.Param) (kernel.Identity, error) {
	id, err := k.Kernel.JailIdentify(ctx, flags, k.param(key, k.shift.real))
	id.JID = k.shift.recorded(id.JID)
	return id, k.err(err)
}

func (k jidKernel) JailRemove(ctx context.Context, id kernel.Identity) error {
	id.JID = k.shift.real(id.JID)
	return k.err(k.Kernel.JailRemove(ctx, id))
}
