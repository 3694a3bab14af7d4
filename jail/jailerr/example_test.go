package jailerr_test

import (
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/jail/jailerr"
)

func ExampleHookError() {
	start := func() error {
		return fmt.Errorf("start web: %w", &jailerr.HookError{
			Hook: "prestart", Command: "mkdir /data", ExitCode: 1, Output: "mkdir: /data: File exists\n",
		})
	}
	err := start()
	if failed, ok := errors.AsType[*jailerr.HookError](err); ok {
		fmt.Println("exit status", failed.ExitCode, "of", failed.Command)
	}
	fmt.Println(err)
	// Output:
	// exit status 1 of mkdir /data
	// start web: hook prestart: mkdir /data: exit status 1: mkdir: /data: File exists
}
