package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
)

// Two that have read the same file change different keys: the second one's
// changes go onto what the first has written, and nothing else moves.
func TestRebaseKeepsWhatOthersHaveWritten(t *testing.T) {
	parse := func(text string, format config.Format) *config.Config {
		t.Helper()
		c, err := config.Parse([]byte(text), format)
		require.NoError(t, err)
		return c
	}
	for _, c := range []struct {
		name      string
		format    config.Format
		was, now  string
		change    func(c *config.Config)
		want      string
		unchanged bool
	}{
		{
			name: "json, unknown keys and order stay", format: config.JSON,
			was: "{\"z\": 1, \"notes\": \"a\", \"user\": {\"b\": \"old\"}}\n",
			now: "{\"z\": 2, \"odd\": [1, {}], \"notes\": \"a\", \"user\": {\"a\": \"theirs\", \"b\": \"old\"}}\n",
			change: func(c *config.Config) {
				require.NoError(t, c.Set("user.b", "mine"))
			},
			want: "{\"z\": 2, \"odd\": [1, {}], \"notes\": \"a\", \"user\": {\"a\": \"theirs\", \"b\": \"mine\"}}\n",
		},
		{
			name: "ucl, comments stay", format: config.UCL,
			was:    "# old\nnotes = \"a\";\nboot = on;\n",
			now:    "# theirs\nnotes = \"b\"; # why\nboot = on;\n",
			change: func(c *config.Config) { require.True(t, c.Unset("boot")) },
			want:   "# theirs\nnotes = \"b\"; # why\n",
		},
		{
			name: "set there and back is no change", format: config.JSON,
			was: `{"notes": "a"}`, now: `{"notes": "b"}`, want: `{"notes": "b"}`,
			change: func(c *config.Config) {
				require.NoError(t, c.Set("user.x", "1"))
				require.True(t, c.Unset("user.x"))
			},
			unchanged: true,
		},
		{
			name: "the same change twice", format: config.JSON,
			was: `{"user": {"a": "1"}}`, now: `{"user": {}}`, want: `{"user": {}}`,
			change:    func(c *config.Config) { require.True(t, c.Unset("user.a")) },
			unchanged: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			mine, now := parse(c.was, c.format), parse(c.now, c.format)
			c.change(mine)
			got, err := mine.Rebase(now)
			require.NoError(t, err)
			require.Equal(t, !c.unchanged, got.Changed())
			text, err := got.Encode()
			require.NoError(t, err)
			require.Equal(t, c.want, string(text))
			text, err = now.Encode()
			require.NoError(t, err)
			require.Equal(t, c.now, string(text), "now is not changed")
		})
	}
}

func TestRebaseOfOtherStores(t *testing.T) {
	mine := config.FromProperties(map[string]string{
		config.PropertyPrefix + "boot": "on", config.PropertyPrefix + "notes": "a",
	})
	require.NoError(t, mine.Set("boot", "no"))
	require.True(t, mine.Unset("notes"))
	now := config.FromProperties(map[string]string{
		config.PropertyPrefix + "boot": "on", config.PropertyPrefix + "notes": "a", config.PropertyPrefix + "hack88": "1",
	})
	got, err := mine.Rebase(now)
	require.NoError(t, err)
	set, unset, err := got.PropertyChanges()
	require.NoError(t, err)
	require.Equal(t, map[string]string{config.PropertyPrefix + "boot": "off"}, set)
	require.Equal(t, []string{config.PropertyPrefix + "notes"}, unset)

	// Converted in the meantime.
	now, err = config.Parse([]byte(`{"boot": "yes", "notes": "a"}`), config.JSON)
	require.NoError(t, err)
	got, err = mine.Rebase(now)
	require.NoError(t, err)
	text, err := got.Encode()
	require.NoError(t, err)
	require.JSONEq(t, `{"boot": "no"}`, string(text))

	// A key that cannot stand beside what is there now.
	mine = config.New()
	require.NoError(t, mine.SetRaw("a.b", "1"))
	now = config.New()
	require.NoError(t, now.SetRaw("a", "1"))
	_, err = mine.Rebase(now)
	require.ErrorIs(t, err, config.ErrInvalidValue)
}
