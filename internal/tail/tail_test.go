package tail

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEverySplit compares with the obvious way, whatever the sizes of writes.
func TestEverySplit(t *testing.T) {
	text := []byte("0123456789abcdefghijklmnopqrstuvwxyz")
	for most := 1; most <= len(text)+1; most++ {
		for step := 1; step <= len(text); step++ {
			last, first := Last(most), First(most)
			for i := 0; i < len(text); i += step {
				end := min(i+step, len(text))
				for _, b := range []*Buffer{last, first} {
					n, err := b.Write(text[i:end])
					require.NoError(t, err)
					require.Equal(t, end-i, n)
				}
				over := max(0, end-most)
				require.Equal(t, string(text[over:end]), last.String(), "max %d, writes of %d", most, step)
				require.Equal(t, string(text[:end-over]), first.String(), "max %d, writes of %d", most, step)
				require.EqualValues(t, over, last.Dropped())
				require.EqualValues(t, over, first.Dropped())
			}
		}
	}
}

func TestZeroValue(t *testing.T) {
	var b Buffer
	require.Empty(t, b.Bytes())
	for range 3 {
		_, err := b.Write(bytes.Repeat([]byte("x"), DefaultMax/2))
		require.NoError(t, err)
	}
	require.Len(t, b.Bytes(), DefaultMax)
	require.EqualValues(t, DefaultMax/2, b.Dropped())
}

func TestConcurrent(t *testing.T) {
	b := Last(64)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				fmt.Fprintf(b, "%d\n", i)
				_ = b.String()
			}
		})
	}
	wg.Wait()
	require.Len(t, b.Bytes(), 64)
	require.EqualValues(t, 8*100*2-64, b.Dropped())
}

func TestOf(t *testing.T) {
	require.Equal(t, "short", Of("short", 5))
	require.Equal(t, "...hort", Of("short", 4))
	require.Len(t, Of(strings.Repeat("x", 3000), 2000), 2003)
}
