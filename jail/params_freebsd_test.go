package jail_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// TestRealParametersThatOnlyTheKernelKnows: a permission that the schema lacks is sent to the
// kernel, one with a typo is refused by name, and what another program would do is told.
func TestRealParametersThatOnlyTheKernelKnows(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	properties := quick("mount_devfs", "0")
	properties["allow_read_msgbuf"], properties["nat"] = "1", "1"
	j := realJail(t, h, "kernelknows", false, properties)
	all, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	told := ""
	for _, e := range all {
		told += e.Head().Message + "\n"
	}
	require.Contains(t, told, "nat=1")
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	p, err := h.Kernel.JailGet(ctx, 0, kernel.ByJID(id.JID), "allow.read_msgbuf")
	require.NoError(t, err)
	require.True(t, p.Bool("allow.read_msgbuf"))
	stop(t, j)

	_, err = j.Set(ctx, map[string]string{"allow_raw_socket": "1"}, jail.SetOptions{})
	require.NoError(t, err)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.ErrorContains(t, err, "allow.raw_socket")
}
