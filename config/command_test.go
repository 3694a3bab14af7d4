package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplitCommand(t *testing.T) {
	for text, want := range map[string][]string{
		"echo hi":                      {"echo", "hi"},
		`  sh -c "echo  a; 'b'" `:      {"sh", "-c", "echo  a; 'b'"},
		`a'b c'd`:                      {"ab cd"},
		`x "" ''`:                      {"x", "", ""},
		`a\ b "\"" "\n"`:               {"a b", `"`, `\n`},
		`'\'`:                          {`\`},
		"$HOME `id` $(id) *.c ; | > <": {"$HOME", "`id`", "$(id)", "*.c", ";", "|", ">", "<"},
		"":                             nil,
	} {
		got, ok := SplitCommand(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{`"`, `'`, `a\`, `"a\"`} {
		_, ok := SplitCommand(text)
		require.False(t, ok, text)
	}
}

func FuzzSplitCommand(f *testing.F) {
	f.Add(`a "b c" 'd' e\ f`)
	f.Fuzz(func(t *testing.T, text string) {
		words, ok := SplitCommand(text)
		if !ok || !strings.ContainsAny(text, `"'\`) {
			return
		}
		// Quoted again, the words come back.
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		again, ok := SplitCommand(strings.Join(quoted, " "))
		require.True(t, ok)
		require.Equal(t, words, again)
	})
}
