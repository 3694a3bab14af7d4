package network

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
)

// TestOwnKeysAreUnderstood: a value that somebody has written into the file and that cannot be
// read is refused, whether it is the jail's or the defaults'.
func TestOwnKeysAreUnderstood(t *testing.T) {
	require.Len(t, ownKeys(), 11)
	for _, name := range ownKeys() {
		wrong, err := config.Parse([]byte(`{"`+name+`": "?!"}`), config.JSON)
		require.NoError(t, err)
		for _, c := range []config.Effective{{Own: wrong}, {Own: config.New(), Defaults: wrong}} {
			_, err = Compute(Input{Config: c, Jail: "ioc-web"})
			require.ErrorContains(t, err, name)
		}
	}
}
