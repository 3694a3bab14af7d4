package jail_test

import (
	"context"
	"errors"
	"testing"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/stretchr/testify/require"
)

func TestDependsForms(t *testing.T) {
	h := openHost(t, simhost.Options{})
	ctx := context.Background()
	putPlain(t, h, "db1", map[string]string{"user.tier": "db", "priority": "2"})
	putPlain(t, h, "db2", map[string]string{"user.tier": "db", "priority": "1"})
	putPlain(t, h, "tmpl", map[string]string{"template": "yes", "user.tier": "db"})
	putPlain(t, h, "web", nil)
	for _, tc := range []struct {
		depends string
		want    []string
		err     error
	}{
		{"none", nil, nil},
		{"db1", []string{"db1"}, nil},
		{"db1,db2", []string{"db2", "db1"}, nil},
		{"db1 db2", []string{"db2", "db1"}, nil}, // iocage's form
		{"db+", []string{"db2", "db1"}, nil},
		{"*", []string{"db2", "db1"}, nil}, // all others
		{"user.tier=db", []string{"db2", "db1"}, nil},
		{"ioc/db1", []string{"db1"}, nil},
		{"ssd/db1", nil, jail.ErrNotFound},
		{"nobody", nil, jail.ErrNotFound},
		{"nobody*", nil, nil}, // no match is an empty list
		{"tmpl", nil, jail.ErrNotFound},
	} {
		j := load(t, h, "web")[0]
		require.NoError(t, j.Config().Set("depends", tc.depends))
		on, err := j.Dependencies(ctx)
		require.ErrorIs(t, err, tc.err, tc.depends)
		if tc.err != nil {
			require.ErrorIs(t, err, jail.ErrDependency)
		}
		var got []string
		for _, other := range on {
			got = append(got, other.Name())
		}
		require.Equal(t, tc.want, got, tc.depends)
	}
}

func TestCheckDepends(t *testing.T) {
	h := openHost(t, simhost.Options{})
	ctx := context.Background()
	putPlain(t, h, "a", map[string]string{"depends": "b"})
	putPlain(t, h, "b", map[string]string{"depends": "c"})
	putPlain(t, h, "c", nil)
	putPlain(t, h, "loop", map[string]string{"depends": "later"})
	j := load(t, h, "c")[0]

	require.NoError(t, j.CheckDepends(ctx, "nobody,loop"))
	require.Error(t, j.CheckDepends(ctx, "-no-name-"))
	for depends, want := range map[string][]string{
		"a": {"c", "a", "b", "c"}, "b": {"c", "b", "c"}, "c": {"c", "c"}, "loop,c": {"c", "c"}, "*": {"c", "b", "c"},
	} {
		err := j.CheckDepends(ctx, depends)
		require.ErrorIs(t, err, jail.ErrCycle, depends)
		var circle *jail.CycleError
		require.True(t, errors.As(err, &circle))
		require.Equal(t, want, circle.Cycle, depends)
	}
	// Nothing was changed by asking, and Save asks too.
	require.False(t, j.Config().Changed())
	require.NoError(t, j.Config().Set("depends", "a"))
	require.ErrorIs(t, j.Save(ctx), jail.ErrCycle)
	require.NoError(t, j.Config().Set("depends", "loop"))
	require.NoError(t, j.Save(ctx))

	// A circle that was written into the file all the same is refused at start.
	writeConf(t, h, simhost.Dataset+"/jails/c", plain(map[string]string{"depends": "a"}))
	results, err := fleet.StartAll(ctx, h.Host, load(t, h, "a"), fleet.StartAllOptions{})
	require.NoError(t, err)
	require.ErrorIs(t, results.Err(), jail.ErrCycle)
	require.Empty(t, running(t, h))
}

// TestCreateInACircle: a new jail that closes a circle is refused as a changed
// one is.
func TestCreateInACircle(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	putPlain(t, h, "db", map[string]string{"depends": "web"}) // which is still to come
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: "web", Properties: map[string]string{"depends": "db"}})
	require.NoError(t, err)
	_, err = j.Create(ctx, jail.CreateOptions{Release: testRelease})
	require.ErrorIs(t, err, jail.ErrCycle)
	_, err = jail.Load(ctx, h.Host, "web")
	require.ErrorIs(t, err, jail.ErrNotFound)
}
