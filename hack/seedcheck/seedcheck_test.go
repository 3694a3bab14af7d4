package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const sample = `**REST Request** :: PUT /sysadm/iocage { "action" : "df" }
**REST Response** { "args": { "df": { "{u}\"": {} } } }
**REST Request** { "args" : { "action" : "df" }, "name" : "iocage", "namespace" : "sysadm" }
{ "args": { "df": {} }
 "id": "fooid", "name": "response" }`

func TestExtract(t *testing.T) {
	blocks, err := extract(sample)
	require.NoError(t, err)
	var forms []string
	for _, b := range blocks {
		require.Equal(t, "df", b.action)
		forms = append(forms, b.form)
	}
	require.Equal(t, []string{"rest request", "rest response", "websocket request", "websocket response"}, forms)
	require.Equal(t, `PUT /sysadm/iocage { "action" : "df" }`, blocks[0].text)
	require.Equal(t, `{ "args": { "df": { "{u}\"": {} } } }`, blocks[1].text)
}

func TestExtractRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"open":  `{ "action": "df"`,
		"other": `{ "a": 1 }`,
		"junk":  `{ "action": "df" "x" }`,
	} {
		_, err := extract(text)
		require.Error(t, err, name)
	}
}

func TestRun(t *testing.T) {
	seeds, out := t.TempDir(), t.TempDir()
	for _, d := range documents {
		require.NoError(t, os.WriteFile(filepath.Join(seeds, d.document), []byte(sample), 0o644))
	}
	require.Error(t, run(io.Discard, seeds, out, false), "nothing is there yet")
	require.NoError(t, run(io.Discard, seeds, out, true))
	require.NoError(t, run(io.Discard, seeds, out, false))
	path := filepath.Join(seeds, documents[1].document)
	require.NoError(t, os.WriteFile(path, []byte(sample+sample), 0o644))
	require.ErrorContains(t, run(io.Discard, seeds, out, false), documents[1].file)
	require.NoError(t, run(io.Discard, filepath.Join(seeds, "none"), out, false))
}

// TestDocuments compares with the published documents where they are.
func TestDocuments(t *testing.T) {
	seeds := filepath.Join("..", "..", "..", "shared", "seeds")
	if _, err := os.Stat(seeds); err != nil {
		t.Skip("the documents are not beside this repository")
	}
	require.NoError(t, run(io.Discard, seeds, filepath.Join("..", "..", "sysadm", "testdata", "seeds"), false))
}
