package sysadm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestQueue: what does not fit is dropped, and the mark stands where it would
// have been.
func TestQueue(t *testing.T) {
	q := newQueue(3)
	mark := func(n int) string {
		return fmt.Sprintf(`{"args":{"dropped":"%d","state":"overflow"},"id":"","name":"dispatcher","namespace":"events"}`, n)
	}
	take := func() string { return string(q.take()) }
	for i := range 5 {
		q.put(fmt.Append(nil, i))
	}
	require.Equal(t, "0", take())
	require.Equal(t, "1", take())
	q.put([]byte("5"))
	for _, want := range []string{"2", mark(2), "5", ""} {
		require.Equal(t, want, take())
	}
	// Nothing follows the dropped events: the mark stands alone.
	for i := range 4 {
		q.put(fmt.Append(nil, i))
	}
	for _, want := range []string{"0", "1", "2", mark(1), ""} {
		require.Equal(t, want, take())
	}
	require.Equal(t, uint64(3), q.lost())
	require.Nil(t, q.list, "an empty queue holds no memory")
}
