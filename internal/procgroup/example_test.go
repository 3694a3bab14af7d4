package procgroup_test

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"github.com/libioc/go-libioc/internal/procgroup"
)

// The program's child would keep the pipe open long after the program's end.
func ExampleOwn() {
	if runtime.GOOS == "windows" {
		fmt.Println("ended")
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", "-c", "sleep 60 & echo started; wait")
	procgroup.Own(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	_, _ = out.Read(make([]byte, 100))
	begin := time.Now()
	cancel()
	if err := cmd.Wait(); err != nil && time.Since(begin) < 30*time.Second {
		fmt.Println("ended")
	}
	// Output: ended
}
