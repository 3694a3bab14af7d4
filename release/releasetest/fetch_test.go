package releasetest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
)

// A simulated machine with a release.
func ExampleFetch() {
	ctx := context.Background()
	h, err := simhost.New("")
	check(err)
	defer h.Close()
	check(releasetest.Fetch(ctx, h.Host, "14.3-RELEASE"))

	web, err := jail.New(ctx, h.Host, jail.Spec{Name: "web"})
	check(err)
	_, err = web.Create(ctx, jail.CreateOptions{Release: "14.3-RELEASE"})
	fmt.Println(web.Dataset(), err)
	// Output: zroot/iocage/jails/web <nil>
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// TestFetch fetches releases of all kinds of names, and runs each in a jail.
func TestFetch(t *testing.T) {
	ctx := t.Context()
	t.Setenv("TMPDIR", t.TempDir())
	h, err := simhost.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for i, name := range []string{"13.2-RELEASE", "14.3-RELEASE", "15.1-RELEASE", "13-STABLE"} {
		if err := releasetest.Fetch(ctx, h.Host, name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: fmt.Sprint("j", i)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Create(ctx, jail.CreateOptions{Release: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := j.Start(ctx, jail.StartOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := j.Exec(ctx, []string{"/bin/freebsd-version"}, jail.ExecOptions{}); string(got.Stdout) != name+"\n" {
			t.Errorf("%s: %q, %v", name, got.Stdout, err)
		}
	}
	if err := releasetest.Fetch(ctx, h.Host, "14.3-RELEASE"); !errors.Is(err, release.ErrFetched) {
		t.Errorf("once more: %v", err)
	}
	if err := releasetest.Fetch(ctx, h.Host, "no/release"); err == nil {
		t.Error("a wrong name is accepted")
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in TMPDIR: %v, %v", left, err)
	}
}
