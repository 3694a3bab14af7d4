//go:build unix

package procgroup

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestOwnKillsAProgramThatLeftItsGroup: Wait hung until the program ended by itself.
func TestOwnKillsAProgramThatLeftItsGroup(t *testing.T) {
	if os.Getenv("LEAVE_GROUP") != "" {
		child := exec.Command("sleep", "30")
		child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		require.NoError(t, child.Start())
		require.NoError(t, syscall.Setpgid(0, child.Process.Pid))
		os.Stdout.WriteString(strconv.Itoa(child.Process.Pid) + "\n")
		time.Sleep(30 * time.Second)
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "LEAVE_GROUP=1")
	Own(cmd)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, 20)
	n, err := out.Read(line)
	require.True(t, err == nil || err == io.EOF, err)
	child, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	require.NoError(t, err)
	defer syscall.Kill(child, syscall.SIGKILL)
	begin := time.Now()
	cancel()
	require.Error(t, cmd.Wait())
	require.Less(t, time.Since(begin), 15*time.Second)
}
