package sysadm_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
)

// TestReadsWhileChangesHang: three times as many changes as have slots hang at a
// jail's lock, and as many calls at a mirror that does not answer, on both
// transports. Reads go on as before, also on the connection whose own calls hang, and
// in the end every call has its answer. Before, the first sixteen that hung were all
// that ran.
func TestReadsWhileChangesHang(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	w.jail("web")
	asked := make(chan struct{}, 100)
	answer := make(chan struct{})
	mirror := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-answer
	}))
	defer mirror.Close()
	w.opts.Fetch.Mirror = mirror.URL
	w.opts.Fetch.HTTP.Attempts = 1
	w.opts.Limits.Actions, w.opts.Limits.PerClient = 4, 4
	const hang = 3 * 4
	own, other := w.dial("root"), w.dial("rita")
	reads := []string{"listjails", "df", "getjailsettings", "activatestatus", "getdefaultsettings", "listtemplates"}
	read := func(c *client, action string) time.Duration {
		begun := time.Now()
		a := c.call(`{"namespace":"sysadm","name":"iocage","id":"r","args":{"action":"` + action + `","jail":"web"}}`)
		require.Contains(t, a, `"id":"r","name":"response"`)
		require.NotContains(t, a, `"error"`)
		return time.Since(begun)
	}
	restRead := func(action string) time.Duration {
		begun := time.Now()
		code, text := w.rest("rita", `{"action":"`+action+`","jail":"web"}`)
		require.Equal(t, http.StatusOK, code, text)
		return time.Since(begun)
	}
	measure := func() (worst time.Duration) {
		for range 10 {
			for _, action := range reads {
				worst = max(worst, read(own, action), read(other, action), restRead(action))
			}
		}
		return worst
	}
	free := measure()

	unlock, err := w.host.Lock(t.Context(), "ioc/jail/web", "test", host.BusyFail)
	require.NoError(t, err)
	var group sync.WaitGroup
	for _, body := range []string{`{"action":"startjail","jail":"web"}`, `{"action":"listreleases"}`} {
		for i := range hang {
			group.Go(func() {
				code, _ := w.rest("root", body)
				assert.Equal(t, http.StatusOK, code)
			})
			own.send(fmt.Sprintf(`{"namespace":"sysadm","name":"iocage","id":"%s%d","args":%s}`, body[11:16], i, body))
		}
	}
	require.Eventually(t, func() bool {
		changes, asks := w.server.AtWork()
		return changes == 4 && asks == 4 && len(asked) == 4
	}, 10*time.Second, time.Millisecond)

	hung := measure()
	t.Logf("%d calls hang: the slowest of %d reads took %v, %v when none does", 4*hang, 30*len(reads), hung.Round(time.Millisecond), free.Round(time.Millisecond))
	require.Less(t, hung, 5*time.Second)
	changes, asks := w.server.AtWork()
	require.Equal(t, []int{4, 4}, []int{changes, asks}, "they hang still")

	unlock()
	close(answer)
	var seen []string
	for range 2 * hang {
		var m struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(own.next()), &m))
		seen = append(seen, m.ID)
	}
	slices.Sort(seen)
	require.Len(t, slices.Compact(seen), 2*hang)
	group.Wait()
	require.Contains(t, fmt.Sprint(w.action(`{"action":"listjails"}`)), "state:up")
}

// TestHangingCallsOfOneThatLeft: what a client that left has asked for does not hold a
// connection, and what had not begun is not done.
func TestHangingCallsOfOneThatLeft(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	w.jail("web")
	w.opts.Limits.Actions = 2
	unlock, err := w.host.Lock(t.Context(), "ioc/jail/web", "test", host.BusyFail)
	require.NoError(t, err)
	c := w.dial("root")
	for i := range 20 {
		action := "startjail"
		if i >= 2 {
			action = "stopjail"
		}
		c.send(fmt.Sprintf(`{"namespace":"sysadm","name":"iocage","id":"%d","args":{"action":"%s","jail":"web"}}`, i, action))
		require.Eventually(t, func() bool { changes, _ := w.server.AtWork(); return changes == min(i+1, 2) }, 10*time.Second, time.Millisecond)
	}
	c.call(queryMessage)
	c.ws.CloseNow()
	require.Eventually(t, func() bool { return w.server.Stats().Connections == 0 }, 5*time.Second, time.Millisecond)
	unlock()
	require.Eventually(t, func() bool { changes, _ := w.server.AtWork(); return changes == 0 }, 10*time.Second, time.Millisecond)
	require.Contains(t, fmt.Sprint(w.action(`{"action":"listjails"}`)), "state:up")
}

// TestBacklog: a connection's calls without an answer are bounded in bytes and number;
// when they are answered, the next is read.
func TestBacklog(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	w.jail("web")
	w.opts.Limits.PerClient = 1
	unlock, err := w.host.Lock(t.Context(), "ioc/jail/web", "test", host.BusyFail)
	require.NoError(t, err)
	long := strings.Repeat("x", 1<<20-200)
	for _, c := range []struct {
		name    string
		message string
		fit     int
	}{
		{"small", "", 16},
		{"as long as can be", long, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := w.dial("root")
			for range c.fit {
				client.send(`{"namespace":"sysadm","name":"iocage","id":"h","args":{"action":"capjail","jail":"web","x":"` + c.message + `"}}`)
			}
			client.send(queryMessage)
			_, err := client.read(300 * time.Millisecond)
			require.ErrorIs(t, err, errSilence)
			client.ws.CloseNow()
			client = w.dial("root")
			for range c.fit - 1 {
				client.send(`{"namespace":"sysadm","name":"iocage","id":"h","args":{"action":"capjail","jail":"web","x":"` + c.message + `"}}`)
			}
			require.Contains(t, client.call(queryMessage), `"rpc/query"`)
			client.ws.CloseNow()
		})
	}
	unlock()
}
