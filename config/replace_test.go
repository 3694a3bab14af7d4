package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReplace: a Config that was replaced is the other one, for reads and changes, and
// a clone of it is independent.
func TestReplace(t *testing.T) {
	c, err := Parse([]byte(`{"id": "web", "user.a": "1"}`), JSON)
	require.NoError(t, err)
	for _, text := range []string{`{"id": "www", "user.b": "2"}`, `{"id": "last", "user.b": "3"}`} {
		now, err := Parse([]byte(text), JSON)
		require.NoError(t, err)
		c.Replace(now)
		require.Equal(t, now.Keys(), c.Keys())
		require.False(t, c.Has("user.a"))
		data, err := c.Encode()
		require.NoError(t, err)
		require.Equal(t, text, string(data))

		clone := c.Clone()
		require.NoError(t, c.Set("user.c", "x"))
		require.True(t, c.Changed())
		require.True(t, now.Has("user.c"))
		require.False(t, clone.Has("user.c"))
		name, _ := NewKey[string]("id").In(c)
		require.Equal(t, NewKey[string]("id").Of(Effective{Own: now}), name)
	}
}
