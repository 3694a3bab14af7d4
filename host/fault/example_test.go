package fault_test

import (
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/host/fault"
)

// A simulator asks its List at every call. Its own method Fail adds to it.
func ExampleList() {
	operations := []string{"mount", "unmount"}
	var faults fault.List
	mount := func(path string) error {
		f := faults.Strike("mount", path)
		if f != nil && !f.After {
			return fmt.Errorf("mount %s: %w", path, f.Err)
		}
		fmt.Println("mounted", path)
		if f != nil {
			return fmt.Errorf("mount %s: %w", path, f.Err)
		}
		return nil
	}

	var t exampleTB // in a test, its *testing.T
	remove := faults.Add(t, operations, fault.Fault{
		Op: "mount", Match: "/jails/*", Nth: 2, Err: errors.New("device busy"),
	})
	fmt.Println(mount("/jails/web/dev"))
	fmt.Println(mount("/jails/web/proc"))
	remove()
	faults.Add(t, operations, fault.Fault{Op: "mont", Err: errors.New("device busy")})
	// Output:
	// mounted /jails/web/dev
	// <nil>
	// mount /jails/web/proc: device busy
	// fault: unknown operation "mont"; known are mount, unmount
}

type exampleTB struct{}

func (exampleTB) Helper()                           {}
func (exampleTB) Fatalf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
