package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestScriptOrder asks rcorder(8) of this system where the script comes.
func TestScriptOrder(t *testing.T) {
	scripts, err := filepath.Glob("/etc/rc.d/*")
	require.NoError(t, err)
	// A script may be missing in a base without all parts.
	// rcorder(8) names what it misses, and exits with 1.
	var missed strings.Builder
	cmd := exec.Command("rcorder", append(scripts, "rc.d/ioc")...)
	cmd.Stderr = &missed
	out, err := cmd.Output()
	if !errors.As(err, new(*exec.ExitError)) {
		require.NoError(t, err)
	}
	require.NotContains(t, missed.String(), "Circular", missed.String())
	require.NotContains(t, missed.String(), "rc.d/ioc", missed.String())
	order := strings.Fields(string(out))
	at := func(name string) int { return slices.Index(order, name) }
	require.Positive(t, at("rc.d/ioc"))
	for _, before := range []string{"/etc/rc.d/zfs", "/etc/rc.d/zpool", "/etc/rc.d/netif", "/etc/rc.d/routing", "/etc/rc.d/NETWORKING", "/etc/rc.d/FILESYSTEMS"} {
		if at(before) >= 0 {
			require.Less(t, at(before), at("rc.d/ioc"), before)
		}
	}
	require.GreaterOrEqual(t, at("/etc/rc.d/NETWORKING"), 0)
	require.Greater(t, at("/etc/rc.d/securelevel"), at("rc.d/ioc"))
}

// TestScriptRuns runs the script with the rc.subr(8) of this system and a
// program that prints its arguments.
func TestScriptRuns(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("rc scripts run as root")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "ioc-boot")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho called \"$@\"\n"), 0o755))
	run := func(command string) string {
		cmd := exec.Command("/bin/sh", "rc.d/ioc", command)
		cmd.Env = append(os.Environ(), "ioc_enable=YES", "ioc_program="+program, "ioc_shutdown_budget=70s")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	require.Contains(t, run("start"), "called -budget 5m -parallel 0 start")
	require.Contains(t, run("stop"), "called -budget 70s -parallel 0 stop")
	require.Contains(t, run("status"), "called status")
}
