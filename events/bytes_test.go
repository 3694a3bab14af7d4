package events_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
)

func TestBytes(t *testing.T) {
	for _, row := range []struct {
		e           events.IocEvent
		done, total int64
	}{
		{events.ReleaseAssetDownload{Received: 3, Total: 7}, 3, 7},
		{events.ReleaseExtraction{Received: 2, Total: 5}, 2, 5},
		{events.JailProvisioningAssetDownload{Received: 1, Total: 9}, 1, 9},
		{events.JailStart{Jail: "web"}, 0, 0},
	} {
		done, total := events.Bytes(row.e)
		require.Equal(t, []int64{row.done, row.total}, []int64{done, total}, "%T", row.e)
	}
}
