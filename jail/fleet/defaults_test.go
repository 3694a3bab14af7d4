package fleet

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDefaults: what options that say nothing mean.
func TestDefaults(t *testing.T) {
	was := runtime.GOMAXPROCS(8)
	defer runtime.GOMAXPROCS(was)
	require.Equal(t, 16, Options{}.parallel())
	require.Equal(t, 16, Options{Parallel: -1}.parallel())
	require.Equal(t, 1, Options{Parallel: 1}.parallel())
	runtime.GOMAXPROCS(1)
	require.Equal(t, 4, Options{}.parallel())

	s := NewSupervisor(nil, SupervisorOptions{})
	require.Equal(t, 8, cap(s.slots))
	require.Equal(t, time.Second, s.o.Watch.Interval)
	s = NewSupervisor(nil, SupervisorOptions{Parallel: 1, Watch: WatchOptions{Interval: time.Millisecond}})
	require.Equal(t, 1, cap(s.slots))
	require.Equal(t, time.Millisecond, s.o.Watch.Interval)
}

// TestNamesOfKinds: a value beyond the last one is called invalid.
func TestNamesOfKinds(t *testing.T) {
	require.Equal(t, "rolled back", RolledBack.String())
	require.Equal(t, "invalid", (RolledBack + 1).String())
	require.Equal(t, "params", ChangeParams.String())
	require.Equal(t, "invalid", (ChangeParams + 1).String())
}
