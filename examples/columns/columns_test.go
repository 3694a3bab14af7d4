package columns_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/examples/columns"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

func newHost(t testing.TB, configs map[string]string) *simhost.Host {
	t.Helper()
	h, err := simhost.New(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	ctx := context.Background()
	for name, text := range configs {
		dataset := simhost.Dataset + "/jails/" + name
		require.NoError(t, h.ZFS.Create(ctx, dataset, zfsstore.CreateOptions{Parents: true}))
		path, err := h.Mountpoint(ctx, dataset)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(path, "config.json"), []byte(text), 0o644))
	}
	path, err := h.Mountpoint(ctx, simhost.Dataset+"/jails/web")
	require.NoError(t, err)
	root := filepath.Join(path, "root")
	require.NoError(t, os.Mkdir(root, 0o755))
	_, err = h.Sim.JailSet(ctx, kernel.JailCreate, kernel.String("name", "ioc-web"), kernel.String("path", root), kernel.Bool("persist", true))
	require.NoError(t, err)
	return h
}

func write(t testing.TB, h *simhost.Host, o columns.Options, filters ...string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, columns.Write(&out, jail.List(context.Background(), h.Host, filters...), o))
	return out.String()
}

func TestTable(t *testing.T) {
	h := newHost(t, map[string]string{
		"web": `{"release": "13.2-RELEASE", "tags": "a,b", "user": {"note": "\u001b[2Jé, \"quoted\""}}`,
		"db1": `{"release": "13.3-RELEASE"}`,
	})
	require.Equal(t, ""+
		"NAME  JID  RELEASE       TAGS  USER.NOTE        NOSUCH\n"+
		"db1   -    13.3-RELEASE  none  none             -\n"+
		"web   1    13.2-RELEASE  a,b   ?[2Jé, \"quoted\"  -\n",
		write(t, h, columns.Options{Columns: []string{"name", "jid", "release", "tags", "user.note", "nosuch"}}))
	require.Equal(t, "db1\n", write(t, h, columns.Options{Columns: []string{"name"}, NoHead: true}, "db+"))
	require.Equal(t, "JID  FULL_NAME  RUNNING  RELEASE  IP4_ADDR\n", write(t, h, columns.Options{}, "nosuch"))
}

func TestBrokenJailIsARow(t *testing.T) {
	h := newHost(t, map[string]string{"web": `{"release": "13.2-RELEASE"}`, "bad": `{`})
	o := columns.Options{Columns: []string{"name", "release"}}

	table := strings.Split(write(t, h, o), "\n")
	require.Regexp(t, `^NAME  RELEASE +ERROR$`, table[0])
	require.Regexp(t, `^bad +none +list jail bad: .*config\.json.*$`, table[1])
	require.Regexp(t, `^web +13\.2-RELEASE +-$`, table[2])

	o.Format = columns.CSV
	records, err := csv.NewReader(strings.NewReader(write(t, h, o))).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 3)
	require.Equal(t, []string{"name", "release", "error"}, records[0])
	require.Contains(t, records[1][2], "config.json")
	require.Equal(t, []string{"web", "13.2-RELEASE", "-"}, records[2])

	o.Format = columns.JSON
	var objects []map[string]any
	require.NoError(t, json.Unmarshal([]byte(write(t, h, o)), &objects))
	require.Len(t, objects, 2)
	require.Contains(t, objects[0]["error"], "config.json")
	require.Equal(t, map[string]any{"name": "web", "release": "13.2-RELEASE"}, objects[1])
}

func TestJSON(t *testing.T) {
	h := newHost(t, map[string]string{"web": `{"tags": "a,b", "user": {"note": "x\ny"}, "boot": "maybe"}`})
	o := columns.Options{Format: columns.JSON, Columns: []string{"name", "tags", "nosuch", "user.note", "error", "problem"}}
	var objects []map[string]any
	require.NoError(t, json.Unmarshal([]byte(write(t, h, o)), &objects))
	require.Len(t, objects, 1)
	require.Contains(t, objects[0]["problem"], "boot")
	delete(objects[0], "problem")
	require.Equal(t, map[string]any{
		"name": "web", "tags": []any{"a", "b"}, "nosuch": nil, "user.note": "x\ny", "error": nil,
	}, objects[0])
	require.Equal(t, "[]\n", write(t, h, o, "nosuch"))
}

func TestErrors(t *testing.T) {
	h := newHost(t, map[string]string{"web": `{}`})
	ctx := context.Background()
	require.ErrorIs(t, columns.Write(&bytes.Buffer{}, jail.List(ctx, h.Host), columns.Options{Format: "xml"}), columns.ErrFormat)

	boom := errors.New("boom")
	broken := func(yield func(*jail.Jail, error) bool) {
		for j, err := range jail.List(ctx, h.Host) {
			yield(j, err)
		}
		yield(nil, boom)
	}
	for _, format := range []columns.Format{columns.Table, columns.JSON, columns.CSV} {
		var out bytes.Buffer
		require.ErrorIs(t, columns.Write(&out, broken, columns.Options{Format: format}), boom)
		require.Contains(t, out.String(), "web", "what was read is shown")
		if format == columns.JSON {
			require.True(t, json.Valid(out.Bytes()))
		}
		require.ErrorIs(t, columns.Write(full{}, jail.List(ctx, h.Host), columns.Options{Format: format}), os.ErrInvalid)
	}
}

// full is a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrInvalid }
