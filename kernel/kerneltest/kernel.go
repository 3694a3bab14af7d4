package kerneltest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

var kernelCases = []testCase{
	{name: "features agree with sysctl", run: func(s *suite) {
		date, err := s.Kernel.SysctlInt(s.ctx, "kern.osreldate")
		s.ok(err)
		equal(s, "kern.osreldate", int(date), s.f.OSRelDate)
		release, err := s.Kernel.SysctlString(s.ctx, "kern.osrelease")
		s.ok(err)
		equal(s, "kern.osrelease", release, s.f.OSRelease)
		machine, err := s.Kernel.SysctlString(s.ctx, "hw.machine")
		s.ok(err)
		equal(s, "hw.machine", machine, s.f.Machine)
		_, err = s.Kernel.SysctlInt(s.ctx, "kern.features.vimage")
		equal(s, "kern.features.vimage is there", err == nil, s.f.VIMAGE)
	}},
	{name: "sysctl of an unknown name", run: func(s *suite) {
		_, err := s.Kernel.SysctlString(s.ctx, "kern.no_such_node")
		s.fails(err, kernel.ErrNotFound, syscall.ENOENT)
		_, err = s.Kernel.SysctlInt(s.ctx, "kern.no_such_node")
		s.fails(err, kernel.ErrNotFound, syscall.ENOENT)
	}},
	{name: "boot id stays", run: func(s *suite) {
		a, err := s.Kernel.BootID(s.ctx)
		s.ok(err)
		b, err := s.Kernel.BootID(s.ctx)
		s.ok(err)
		if a == "" || a != b {
			s.Fatalf("boot ids %q and %q", a, b)
		}
	}},
	{name: "an ended context does nothing", run: endedContext},
}

// samples are arguments for the methods of a Kernel, by type; the zero value
// stands for the others. With a context that has ended none of them may have an
// effect, and if one does, it names nothing that exists.
func samples(dir string) map[reflect.Type]reflect.Value {
	all := map[reflect.Type]reflect.Value{}
	for _, v := range []any{
		"kerneltest9", 9, uint16(rulesetA), true, []int{0},
		kernel.Identity{JID: 1, Name: "kerneltest9"}, kernel.ByLastJID(0), kernel.JailCreate,
		kernel.MountRequest{Type: "tmpfs", Path: dir}, kernel.DevfsRule{Hide: true},
		kernel.Command{Argv: []string{"/bin/echo"}}, kernel.Process{PID: 99998}, []kernel.Process{{PID: 99998}},
		net.HardwareAddr{2, 0, 0, 0, 0, 1}, netip.MustParseAddr("2001:db8::9"),
		kernel.Address{Prefix: netip.MustParsePrefix("192.0.2.1/24")}, kernel.VLAN{Parent: "kerneltest9", Tag: 5},
		kernel.Route{Dest: netip.MustParsePrefix("198.51.100.0/24"), Gateway: netip.MustParseAddr("192.0.2.1")},
		kernel.IpfwRule{Number: 1, Body: "count ip from any to any"}, kernel.SysctlValue{Name: "net.inet.kerneltest9"},
	} {
		all[reflect.TypeOf(v)] = reflect.ValueOf(v)
	}
	return all
}

// endedContext gives every method of the Kernel a context that has ended.
func endedContext(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	args := samples(s.mkdir("d"))
	args[reflect.TypeFor[context.Context]()] = reflect.ValueOf(ctx)
	all := reflect.TypeFor[kernel.Kernel]()
	for i := range all.NumMethod() {
		m := all.Method(i)
		if m.Name == "In" { // makes no call itself
			continue
		}
		var in []reflect.Value
		for t := range m.Type.Ins() {
			if m.Type.IsVariadic() && len(in) == m.Type.NumIn()-1 {
				t = t.Elem()
			}
			v, ok := args[t]
			if !ok {
				v = reflect.Zero(t)
			}
			in = append(in, v)
		}
		out := reflect.ValueOf(s.Kernel).MethodByName(m.Name).Call(in)
		if err := lastError(out); !errors.Is(err, context.Canceled) {
			s.Errorf("%s: %v, want the context's error", m.Name, err)
		}
	}
}

// lastError is the error that a method returned, or the first of its sequence.
func lastError(out []reflect.Value) error {
	last := out[len(out)-1]
	if last.Kind() == reflect.Func {
		for _, last = range last.Seq2() {
			break
		}
	}
	err, _ := last.Interface().(error)
	return err
}
