package main

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuickstart(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	require.NoError(t, run(context.Background(), &out, options{release: "13.2-RELEASE", plan: true}))

	text := out.String()
	for _, want := range []string{
		"[+] FetchRelease@13.2-RELEASE: OK",
		"[+] JailStart@standalone: OK",
		"[+] JailStart@basejail: OK",
		"13.2-RELEASE [",
		"2    basejail",
		"[+] JailDestroy@basejail: OK",
		"[+] ReleaseDestroy@13.2-RELEASE: OK",
	} {
		require.Contains(t, text, want)
	}
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left, "files are left behind")
}
