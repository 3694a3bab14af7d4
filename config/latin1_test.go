package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestJSONKeepsBytes: a file that is not UTF-8 keeps its bytes, also in strings with
// escapes, and keys that differ in them stay two.
func TestJSONKeepsBytes(t *testing.T) {
	for text, want := range map[string]string{
		`{"user.notes":"caf` + "\xe9" + `"}`:                 "caf\xe9",
		`{"user.notes":"caf` + "\xe9" + ` \"x\""}`:           "caf\xe9 \"x\"",
		`{"user.notes":"\\u0041\ud83d\ude00` + "\xff\"}":     "\\u0041😀\xff",
		`{"user.notes":"\u0041\n\/\ud83d` + "\xff\\t\"}":     "A\n/\ufffd\xff\t",
		`{"user.notesA` + "\xff" + `":"1","user.notes":"2"}`: "2",
	} {
		c, err := Parse([]byte(text), JSON)
		require.NoError(t, err, text)
		got, _ := c.Raw("user.notes")
		require.Equal(t, want, got, "%q", text)
	}
	c, err := Parse([]byte(`{"user.k\u0041`+"\xff"+`":"1","user.kA`+"\ufffd"+`":"2"}`), JSON)
	require.NoError(t, err)
	require.Len(t, c.Keys(), 2)
}
