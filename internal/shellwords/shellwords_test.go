package shellwords

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"echo hi":                      {"echo", "hi"},
		`  sh -c "echo  a; 'b'" `:      {"sh", "-c", "echo  a; 'b'"},
		`a'b c'd`:                      {"ab cd"},
		`x "" ''`:                      {"x", "", ""},
		`a\ b "\"" "\n"`:               {"a b", `"`, `\n`},
		`'\'`:                          {`\`},
		"$HOME `id` $(id) *.c ; | > <": {"$HOME", "`id`", "$(id)", "*.c", ";", "|", ">", "<"},
		"a #b c#d":                     {"a", "#b", "c#d"},
		"a\xff 'ä'":                    {"a\xff", "ä"},
		"":                             nil,
	} {
		got, err := Split(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string][]string{
		`x "`: {"x", ""}, `x 'a b`: {"x", "a b"}, `x a\`: {"x", "a"}, `x "a\"`: {"x", `a"`},
	} {
		got, err := Split(text)
		require.ErrorIs(t, err, ErrUnterminated, text)
		require.Equal(t, want, got, text)
	}
}

func TestSplitLine(t *testing.T) {
	for text, want := range map[string][]string{
		"add path 'tun*' unhide # why": {"add", "path", "tun*", "unhide"},
		"a#b '#c' #d":                  {"a#b", "#c"},
		"# 'only a comment":            nil,
	} {
		got, err := SplitLine(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"": "''", "/dev/tun0": "/dev/tun0", "a b": "'a b'", "it's": `'it'\''s'`, "tun*": "'tun*'", "k=v": "k=v", "ä": "'ä'",
	} {
		require.Equal(t, want, Quote(word))
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(`a "b c" 'd' e\ f`)
	f.Fuzz(func(t *testing.T, text string) {
		words, err := Split(text)
		if err != nil {
			return
		}
		// Quoted, the words come back.
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = Quote(w)
		}
		again, err := Split(strings.Join(quoted, " "))
		require.NoError(t, err)
		require.Equal(t, words, again)
	})
}
