package simkernel_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// simRoot is a directory tree with a jail's root, in which echo is one of the
// kernel's own programs.
func simRoot() string {
	root, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "jails/web/bin"), 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(root, "jails/web/bin/echo"), []byte("#!sim echo\n"), 0o755); err != nil {
		panic(err)
	}
	return root
}

// A jail is made, a command runs in it, and it is removed, on any system.
func Example() {
	ctx := context.Background()
	root := simRoot()
	defer os.RemoveAll(root)
	k, err := simkernel.New(simkernel.Options{Root: root})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer k.Close()
	_, err = k.JailSet(ctx, kernel.JailCreate,
		kernel.String("name", "web"),
		kernel.String("path", "/jails/web"),
		kernel.String("host.hostname", "web.example"),
		kernel.Bool("persist", true),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	web, err := k.JailIdentify(ctx, 0, kernel.ByName("web"))
	if err != nil {
		fmt.Println(err)
		return
	}
	exit, err := k.Run(ctx, kernel.Command{Jail: web, Argv: []string{"/bin/echo", "hello"}, Stdout: os.Stdout})
	fmt.Println(web, exit.Success(), err)
	fmt.Println(k.JailRemove(ctx, web))
	_, err = k.JailGet(ctx, 0, kernel.ByName("web"), "jid")
	fmt.Println(errors.Is(err, kernel.ErrNotFound))
	// Output:
	// hello
	// web (jid 1) true <nil>
	// <nil>
	// true
}

// exampleTB stands for the *testing.T of a test.
type exampleTB struct{}

func (exampleTB) Helper()                        {}
func (exampleTB) Fatalf(f string, values ...any) { panic(fmt.Sprintf(f, values...)) }

// A fault shows what a program does when a call fails.
func ExampleKernel_Fail() {
	ctx := context.Background()
	root := simRoot()
	defer os.RemoveAll(root)
	k, err := simkernel.New(simkernel.Options{Root: root})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer k.Close()
	var t exampleTB // in a test, its *testing.T
	k.Fail(t, fault.Fault{Op: simkernel.OpNmount, Match: "*/jails/web *", Nth: 1, Err: syscall.EBUSY})
	req := kernel.MountRequest{Type: "tmpfs", Path: "/jails/web"}
	_, err = k.Nmount(ctx, req)
	fmt.Println(errors.Is(err, syscall.EBUSY))
	_, err = k.Nmount(ctx, req)
	fmt.Println(err, len(k.Calls()))
	// Output:
	// true
	// <nil> 2
}
