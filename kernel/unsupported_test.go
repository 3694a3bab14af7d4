package kernel

import (
	"context"
	"errors"
	"reflect"
	"testing"
)

// TestUnsupported calls every method, so that a new one cannot panic on other
// systems.
func TestUnsupported(t *testing.T) {
	var k Kernel = unsupported{}
	errType := reflect.TypeFor[error]()
	for _, v := range []reflect.Value{reflect.ValueOf(&k).Elem(), reflect.ValueOf(k.In(Identity{JID: 1}))} {
		typ := v.Type()
		for i := range typ.NumMethod() {
			m := typ.Method(i)
			if m.Name == "In" || m.Name == "JailList" || m.Name == "JailEvents" {
				continue
			}
			method := v.MethodByName(m.Name)
			args := []reflect.Value{reflect.ValueOf(context.Background())}
			for n := 1; n < method.Type().NumIn() && !(method.Type().IsVariadic() && n == method.Type().NumIn()-1); n++ {
				args = append(args, reflect.Zero(method.Type().In(n)))
			}
			out := method.Call(args)
			last := out[len(out)-1]
			if last.Type() != errType || last.IsNil() {
				t.Fatalf("%s gave no error", m.Name)
			}
			var call *CallError
			if err := last.Interface().(error); !errors.Is(err, ErrUnsupported) || !errors.As(err, &call) || call.Op != m.Name {
				t.Errorf("%s: %v", m.Name, err)
			}
		}
	}
	n := 0
	for p, err := range k.JailList(context.Background(), 0) {
		n++
		if p != nil || !errors.Is(err, ErrUnsupported) {
			t.Errorf("JailList: %v %v", p, err)
		}
	}
	if n != 1 {
		t.Errorf("JailList gave %d", n)
	}
	for e, err := range k.JailEvents(context.Background()) {
		if e != (JailEvent{}) || !errors.Is(err, ErrUnsupported) {
			t.Errorf("JailEvents: %v %v", e, err)
		}
	}
}
