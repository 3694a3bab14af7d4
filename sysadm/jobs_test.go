package sysadm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/sysadm"
)

// stage is a plugin index whose operations the test plays.
type stage struct {
	list  []sysadm.Plugin
	began chan sysadm.PluginRequest
	end   chan error
}

func newStage() *stage {
	return &stage{began: make(chan sysadm.PluginRequest, 10_000), end: make(chan error)}
}

func (s *stage) List(context.Context) ([]sysadm.Plugin, error) { return s.list, nil }

func (s *stage) Create(ctx context.Context, p sysadm.PluginRequest) <-chan events.IocEvent {
	op := events.NewOperation(events.Options{Room: 16})
	go func() {
		span := op.Begin(events.JailCreate{Jail: p.ID})
		s.began <- p
		var failed error
		select {
		case err := <-s.end:
			failed = err
			if err != nil {
				span.Fail(err, "")
			} else {
				span.Done("")
			}
		case <-ctx.Done():
			failed = context.Cause(ctx)
			span.Fail(failed, "")
		}
		op.Close(failed)
	}()
	return op.Events()
}

const local = "2006-01-02T15:04:05"

// TestTwoEvents: exactly two events report a job, in each dialect's form.
func TestTwoEvents(t *testing.T) {
	now := time.Date(2017, 6, 5, 10, 0, 1, 0, time.Local)
	w := newWorld(t)
	w.now = func() time.Time { return now }
	mirror := httptest.NewServer(releasetest.Mirror("10.3-RELEASE"))
	defer mirror.Close()
	w.opts.Fetch.Mirror = mirror.URL
	c := w.dial("root")
	c.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`)
	c.send(`{"namespace":"sysadm","name":"iocage","id":"f1","args":{"action":"fetchreleases","releases":["10.3-RELEASE"]}}`)

	const id = "sysadm_iocage_fetch_release_10.3-RELEASE"
	const label = "iocage fetch --verify -r 10.3-RELEASE"
	var got []string
	for range 3 {
		got = append(got, c.next())
	}
	_, err := c.read(300 * time.Millisecond)
	require.ErrorIs(t, err, errSilence, "two events and one answer, no more")
	answer := `{"args":{"fetchreleases":{"started_dispatcher_id":["` + id + `"]}},"id":"f1","name":"response","namespace":"sysadm"}`
	began := `{"args":{"process_id":"` + id + `","state":"running"},"id":"","name":"dispatcher","namespace":"events"}`
	require.ElementsMatch(t, []string{answer, began}, got[:2], "the first event may overtake the answer")
	var last struct {
		Args                map[string]any
		ID, Name, Namespace string
	}
	require.NoError(t, json.Unmarshal([]byte(got[2]), &last))
	require.Equal(t, []string{"", "dispatcher", "events"}, []string{last.ID, last.Name, last.Namespace})
	log, _ := last.Args[label].(string)
	require.Contains(t, log, "[+] FetchRelease@10.3-RELEASE: OK")
	require.Equal(t, map[string]any{
		"cmd_list": []any{label}, label: log, "process_id": id, "return_codes/" + label: "0", "state": "finished",
		"time_started": now.Format(local), "time_finished": now.Format(local),
	}, last.Args)
}

// TestFetchOfAFetchedRelease: it is updated; the job failed with "release is fetched
// already".
func TestFetchOfAFetchedRelease(t *testing.T) {
	w := newWorld(t)
	w.fetch("10.3-RELEASE")
	c := w.dial("root")
	c.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`)
	c.send(`{"namespace":"sysadm","name":"iocage","id":"f1","args":{"action":"fetchreleases","releases":["10.3-RELEASE"]}}`)
	for range 2 {
		c.next()
	}
	last := c.next()
	require.Contains(t, last, "ReleaseUpdate@10.3-RELEASE")
	require.NotContains(t, last, "fetched already")
}

// TestJobsOf2016: the events of that dialect have other members.
func TestJobsOf2016(t *testing.T) {
	w := newWorld(t)
	w.api = sysadm.Dialect2016
	s := newStage()
	w.opts.Plugins = s
	c := w.dial("root")
	c.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`)
	c.send(plugin("gitlab"))
	c.next()
	c.next()
	s.end <- fmt.Errorf("no luck")
	var last struct{ Args map[string]any }
	require.NoError(t, json.Unmarshal([]byte(c.next()), &last))
	label := `iocage fetch -P --name gitlab ip4_addr="re0|10.20.0.130"`
	require.Equal(t, []any{label}, last.Args["cmd_list"])
	require.Equal(t, "sysadm_iocage_fetch_plugin_gitlab", last.Args["proc_id"])
	require.Equal(t, "false", last.Args["success"])
	require.Regexp(t, `(?s)^\[Running Command: `+`iocage fetch .* \]\[-\] JailCreate@gitlab: FAILED: no luck .*\n\[Command Failed: 1 \]$`, last.Args["log"])
	require.NotContains(t, last.Args, "process_id")
}

func plugin(name string) string {
	return `{"namespace":"sysadm","name":"iocage","id":"p","args":{"action":"createplugin","plugin":"` + name + `","net_device":"re0","ip4":"10.20.0.130"}}`
}

// TestListAndKill: what rpc/dispatcher says of jobs, and how one is ended.
func TestListAndKill(t *testing.T) {
	w := newWorld(t)
	s := newStage()
	w.opts.Plugins = s
	c := w.dial("root")
	require.Equal(t, `{"args":{"createplugin":{"started_dispatcher_id":"sysadm_iocage_fetch_plugin_gitlab"}},"id":"p","name":"response","namespace":"sysadm"}`,
		c.call(plugin("gitlab")))
	require.Equal(t, sysadm.PluginRequest{ID: "gitlab", Property: "ip4_addr", Value: "re0|10.20.0.130"}, <-s.began)
	require.Equal(t, `{"args":{"code":"400","message":"Bad Request"},"id":"p","name":"error","namespace":"error"}`,
		c.call(plugin("gitlab")), "the same plugin again")
	c.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`)
	require.Equal(t, `{"args":{"jobs":{"no_queue":{"sysadm_iocage_fetch_plugin_gitlab":{"commands":["iocage fetch -P --name gitlab ip4_addr=\"re0|10.20.0.130\""],"state":"running"}}}},"id":"l1","name":"response","namespace":"rpc"}`,
		c.call(`{"namespace":"rpc","name":"dispatcher","id":"l1","args":{"action":"list"}}`))
	kill := `{"namespace":"rpc","name":"dispatcher","id":"k1","args":{"action":"kill","job_id":"sysadm_iocage_fetch_plugin_gitlab"}}`
	require.Contains(t, w.dial("olga").call(kill), `"403"`)
	c.send(kill)
	got := []string{c.next(), c.next()}
	all := strings.Join(got, "\n")
	require.Contains(t, all, `{"args":{"killed":{"jobs":["sysadm_iocage_fetch_plugin_gitlab"]}},"id":"k1","name":"response","namespace":"rpc"}`)
	require.Contains(t, all, `"return_codes/iocage fetch -P --name gitlab ip4_addr=\"re0|10.20.0.130\"":"15"`)
	require.Equal(t, `{"args":{"jobs":{}},"id":"l","name":"response","namespace":"rpc"}`,
		c.call(`{"namespace":"rpc","name":"dispatcher","id":"l","args":{"action":"list"}}`))
}

// TestProgress: events of ours come to those who ask for them.
func TestProgress(t *testing.T) {
	w := newWorld(t)
	s := newStage()
	w.opts.Plugins = s
	plain, curious := w.dial("rita"), w.dial("rita")
	plain.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`)
	require.Contains(t, curious.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher","progress"]}`), `"progress"`)
	w.dial("root").call(plugin("gitlab"))
	s.end <- nil
	read := func(c *client) (all []string) {
		for {
			m := c.next()
			all = append(all, m)
			if strings.Contains(m, `"finished"`) {
				return all
			}
		}
	}
	require.Len(t, read(plain), 2)
	all := read(curious)
	require.Greater(t, len(all), 2)
	for _, m := range all[1 : len(all)-1] {
		require.Contains(t, m, `"event_system":"sysadm/iocage"`)
		require.Contains(t, m, `"name":"dispatcher","namespace":"events"`)
		require.Contains(t, m, `"process_details":{"cmd_list":["iocage fetch`)
	}
}

// TestSerialQueue: jails made as jobs are made one after another, and a user
// gets no more jobs than the limit.
func TestSerialQueue(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	w.uuids = []string{"3030c554-d05e-11e5-8209-d05099728dbf", "1325b8bc-d05e-11e5-8209-d05099728dbf"}
	w.opts.Limits.JobsPerUser = 2
	s := newStage()
	w.opts.Plugins = s
	w.opts.Limits.Jobs = 1
	c := w.dial("root")
	c.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`)
	c.send(plugin("gitlab")) // holds the only slot
	c.next()
	c.next()
	const id = "sysadm_iocage_create_jail_{3030c554-d05e-11e5-8209-d05099728dbf}"
	create := `{"namespace":"sysadm","name":"iocage","id":"c","args":{"action":"createjail","release":"13.2-RELEASE","properties":"tag=x boot=on"}}`
	require.Equal(t, `{"args":{"createjail":{"new_dispatcher_id":"`+id+`"}},"id":"c","name":"response","namespace":"sysadm"}`, c.call(create))
	require.Equal(t, `{"args":{"jobs":{"iocage_queue":{"`+id+`":{"commands":["iocage create -r 13.2-RELEASE boot=on tag=x"],"queue_position":"0","state":"pending"}},`+
		`"no_queue":{"sysadm_iocage_fetch_plugin_gitlab":{"commands":["iocage fetch -P --name gitlab ip4_addr=\"re0|10.20.0.130\""],"state":"running"}}}},"id":"l","name":"response","namespace":"rpc"}`,
		c.call(`{"namespace":"rpc","name":"dispatcher","id":"l","args":{"action":"list"}}`))
	require.Contains(t, c.call(create), `"error":"  ERROR: too many jobs of root"`)
	s.end <- nil
	for finished := 0; finished < 2; {
		if m := c.next(); strings.Contains(m, `"finished"`) {
			require.Contains(t, m, `:"0"`)
			finished++
		}
	}
	require.Contains(t, fmt.Sprint(w.action(`{"action":"listjails"}`)), "tag:x")
	require.Contains(t, fmt.Sprint(w.action(`{"action":"createjail","release":"13.2-RELEASE","packages":["nginx"]}`)), "error")
}

// TestKilledWhileItWaits: a killed job that never began ends at once, is reported as one
// that could not start, and leaves its id and its user's place to another. Before, it
// waited until the running job had ended.
func TestKilledWhileItWaits(t *testing.T) {
	w := newWorld(t)
	s := newStage()
	w.opts.Plugins = s
	w.opts.Limits.Jobs, w.opts.Limits.JobsPerUser = 1, 2
	c := w.dial("root")
	c.call(plugin("one"))
	<-s.began
	c.call(plugin("two"))
	require.Contains(t, c.call(plugin("three")), "too many jobs of root")
	c.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`)
	kill := `{"namespace":"rpc","name":"dispatcher","id":"k","args":{"action":"kill","job_id":["sysadm_iocage_fetch_plugin_two","nosuch"]}}`
	for range 2 { // the place is free each time
		c.send(kill)
		all := c.next() + c.next() + c.next()
		require.Contains(t, all, `"killed":{"jobs":["sysadm_iocage_fetch_plugin_two"]}`)
		require.Contains(t, all, `"return_codes/iocage fetch -P --name two ip4_addr=\"re0|10.20.0.130\"":"-1"`)
		require.Contains(t, c.call(plugin("two")), "started_dispatcher_id")
	}
	require.Equal(t, 2, w.server.Stats().Jobs)
	require.Empty(t, s.began, "it was begun")
	s.end <- nil
	require.Equal(t, "two", (<-s.began).ID)
	s.end <- nil
}

// TestKilledInTheSerialQueue: see TestKilledWhileItWaits. Jails are made one after
// another, and the second waited for the first without looking.
func TestKilledInTheSerialQueue(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	s := newStage()
	w.opts.Plugins = s
	w.opts.Limits.Jobs = 1
	w.uuids = []string{"3030c554-d05e-11e5-8209-d05099728dbf", "1325b8bc-d05e-11e5-8209-d05099728dbf"}
	c := w.dial("root")
	c.call(plugin("one"))
	<-s.began
	create := `{"namespace":"sysadm","name":"iocage","id":"c","args":{"action":"createjail","release":"13.2-RELEASE"}}`
	c.call(create) // has the queue and waits for a place
	c.call(create) // waits for the queue
	require.Equal(t, 3, w.server.Stats().Jobs)
	c.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`)
	c.send(`{"namespace":"rpc","name":"dispatcher","id":"k","args":{"action":"kill","job_id":"sysadm_iocage_create_jail_{1325b8bc-d05e-11e5-8209-d05099728dbf}"}}`)
	all := c.next() + c.next() + c.next()
	require.Contains(t, all, `"process_id":"sysadm_iocage_create_jail_{1325b8bc-d05e-11e5-8209-d05099728dbf}","return_codes/iocage create -r 13.2-RELEASE":"-1"`)
	require.Equal(t, 2, w.server.Stats().Jobs)
	s.end <- nil
	require.Eventually(t, func() bool { return w.server.Stats().Jobs == 0 }, 20*time.Second, 10*time.Millisecond)
	rows := w.action(`{"action":"listjails"}`).(fields)["jails"].(fields)
	require.Len(t, rows, 1)
}

// TestKilledJobThatRollsBack: a killed job that takes long to roll back does not count
// among its user's jobs. Before, its user could not begin another until it had ended.
func TestKilledJobThatRollsBack(t *testing.T) {
	w := newWorld(t)
	s := &stubborn{began: make(chan string, 8), end: make(chan struct{})}
	defer close(s.end)
	w.opts.Plugins = s
	w.opts.Limits.JobsPerUser = 1
	c := w.dial("root")
	c.call(plugin("one"))
	require.Equal(t, "one", <-s.began)
	require.Contains(t, c.call(plugin("two")), "too many jobs of root")
	c.call(`{"namespace":"rpc","name":"dispatcher","id":"k","args":{"action":"kill","job_id":"sysadm_iocage_fetch_plugin_one"}}`)
	require.Contains(t, c.call(plugin("one")), `"400"`, "it still rolls back")
	require.Contains(t, c.call(plugin("two")), "started_dispatcher_id")
	require.Equal(t, "two", <-s.began)
}

// stubborn is a plugin index whose operations go on after their context has ended.
type stubborn struct {
	began chan string
	end   chan struct{}
}

func (s *stubborn) List(context.Context) ([]sysadm.Plugin, error) { return nil, nil }

func (s *stubborn) Create(_ context.Context, p sysadm.PluginRequest) <-chan events.IocEvent {
	out := make(chan events.IocEvent)
	go func() {
		defer close(out)
		s.began <- p.ID
		<-s.end
	}()
	return out
}

// TestShutdown: jobs are let end, new calls refused; with no time left they are
// canceled and waited for.
func TestShutdown(t *testing.T) {
	t.Parallel()
	for _, patient := range []bool{true, false} {
		w := newWorld(t)
		s := newStage()
		w.opts.Plugins = s
		c := w.dial("root")
		c.call(plugin("gitlab"))
		<-s.began
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if patient {
			ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
		}
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- w.server.Shutdown(ctx) }()
		require.Eventually(t, func() bool { return w.server.Healthy(t.Context()) != nil }, time.Second, time.Millisecond)
		code, _ := w.rest("root", `{"action":"df"}`)
		require.Equal(t, 503, code)
		if patient {
			require.Equal(t, 1, w.server.Stats().Jobs)
			s.end <- nil
			require.NoError(t, <-done)
		} else {
			require.ErrorIs(t, <-done, context.DeadlineExceeded)
		}
		require.Zero(t, w.server.Stats().Jobs)
		require.Eventually(t, func() bool { return w.server.Stats().Connections == 0 }, 10*time.Second, 10*time.Millisecond)
	}
}

// TestBadFetches: what fetchreleases refuses.
func TestBadFetches(t *testing.T) {
	w := newWorld(t)
	mirror := httptest.NewServer(releasetest.Mirror("13.3-RELEASE"))
	defer mirror.Close()
	w.opts.Fetch.Mirror = mirror.URL
	for _, body := range []string{
		`{"action":"fetchreleases"}`, `{"action":"fetchreleases","releases":[]}`, `{"action":"fetchreleases","releases":""}`,
		`{"action":"fetchreleases","releases":{}}`, `{"action":"fetchreleases","releases":[1,[]]}`,
		`{"action":"fetchreleases","releases":"../13.2-RELEASE"}`, `{"action":"fetchreleases","releases":["-r"]}`,
		`{"action":"createplugin","plugin":"x","net_device":"re0"}`,
	} {
		code, text := w.rest("root", body)
		if strings.Contains(body, "createplugin") {
			require.Contains(t, text, `"error": "no plugin index is configured"`)
			continue
		}
		require.Equal(t, 400, code, body)
		require.Equal(t, emptyArgs, text, body)
	}
	// A string, and the mark of releases without support.
	code, text := w.rest("root", `{"action":"fetchreleases","releases":"13.3-RELEASE (EOL)"}`)
	require.Equal(t, 200, code)
	require.Contains(t, text, `"sysadm_iocage_fetch_release_13.3-RELEASE"`)
	require.Eventually(t, func() bool { return w.server.Stats().Jobs == 0 }, 10*time.Second, 10*time.Millisecond)
}

// panicStage stands for a plugin index of the program that has a mistake.
type panicStage struct{ list bool }

func (s panicStage) List(context.Context) ([]sysadm.Plugin, error) {
	if s.list {
		panic("of the index")
	}
	return nil, nil
}

func (panicStage) Create(context.Context, sysadm.PluginRequest) <-chan events.IocEvent {
	panic("of the job")
}

// TestPanicOfTheProgram: a panic in what a job or a call over WebSocket asks of the program
// is that job's or that call's failure. It ended the server.
func TestPanicOfTheProgram(t *testing.T) {
	w := newWorld(t)
	w.opts.Plugins = panicStage{}
	c := w.dial("root")
	c.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`)
	c.send(plugin("gitlab"))
	var told string
	for range 3 { // the answer, begun, ended
		told += c.next()
	}
	require.Contains(t, told, "panic: of the job")
	require.Regexp(t, `"return_codes/[^,]*":"1"`, told)
}

// TestPanicOfACall: see TestPanicOfTheProgram.
func TestPanicOfACall(t *testing.T) {
	w := newWorld(t)
	w.opts.Plugins = panicStage{list: true}
	c := w.dial("root")
	require.Contains(t, c.call(`{"namespace":"sysadm","name":"iocage","id":"p","args":{"action":"listplugins"}}`), `"500"`)
	require.Contains(t, c.call(`{"namespace":"rpc","name":"dispatcher","id":"l","args":{"action":"list"}}`), `"response"`)
}

// TestJobInTheRequestsDialect: who asks for a job in another dialect than the connection's
// gets its events in that one too; others get theirs.
func TestJobInTheRequestsDialect(t *testing.T) {
	w := eventWorld(t)
	asks, other := w.dial("root"), w.dial("root")
	for _, c := range []*client{asks, other} {
		c.call(subscribeMessage)
	}
	asks.send(strings.Replace(plugin("gitlab"), `"action"`, `"api":"2016","action"`, 1))
	last := func(c *client) string {
		for {
			if text := c.next(); strings.Contains(text, `"state":"finished"`) {
				return text
			}
		}
	}
	require.Contains(t, last(asks), `"proc_id":"sysadm_iocage_fetch_plugin_gitlab"`)
	require.Contains(t, last(other), `"process_id":"sysadm_iocage_fetch_plugin_gitlab"`)
}
