package sysadm_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/sysadm"
	"github.com/libioc/go-libioc/zfsstore"
)

// block is one JSON text that a document prints; hack/seedcheck keeps them.
type block struct {
	name, action, form, text string
}

var blockHead = regexp.MustCompile(`(?m)^-- (\d+) (\S+) (.+) --\n`)

func blocks(t *testing.T, file string) (all []block) {
	data, err := os.ReadFile(filepath.Join("testdata", "seeds", file))
	require.NoError(t, err)
	heads := blockHead.FindAllSubmatchIndex(data, -1)
	for i, h := range heads {
		end := len(data)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		part := func(n int) string { return string(data[h[2*n]:h[2*n+1]]) }
		all = append(all, block{part(1) + "-" + part(2), part(2), part(3), string(data[h[1]:end])})
	}
	require.NotEmpty(t, all)
	return all
}

// documents are the published versions and the dialect of each.
var documents = []struct {
	file string
	api  sysadm.Dialect
}{
	{"1-2016-01.txt", sysadm.Dialect201601},
	{"2-2016-08.txt", sysadm.Dialect2016},
	{"3-2017-02.txt", sysadm.Dialect2016},
	{"4-2017-06.txt", sysadm.Dialect2017},
}

// example is one call as a document shows it: the request in both forms, and the
// answer to each. A document that prints one answer means both.
type example struct {
	name, action          string
	rest, websocket       string // requests
	restBody, socketReply string // answers
}

func examples(t *testing.T, file string) (all []example) {
	var e *example
	for _, b := range blocks(t, file) {
		if b.form == "rest request" {
			all = append(all, example{name: b.name, action: b.action})
			e = &all[len(all)-1]
		}
		require.NotNil(t, e, "the first block is a request")
		require.Equal(t, e.action, b.action, b.name)
		switch b.form {
		case "rest request":
			e.rest = b.text
		case "rest response":
			e.restBody = b.text
		case "websocket request":
			e.websocket = b.text
		case "websocket response":
			e.socketReply = b.text
		}
	}
	return all
}

// deviation is where an answer is compared with a text other than the
// document's, and why. The list is whole: nothing else is changed.
type deviation struct {
	file    *regexp.Regexp
	action  string
	why     string
	replace [][2]string // in the printed answer
}

var deviations = []deviation{
	{
		file: regexp.MustCompile(`^4`), action: "activatestatus listjails listtemplates",
		why:     "the document lacks the comma between args and id",
		replace: [][2]string{{"}\n   \"id\"", "},\n   \"id\""}},
	},
	{
		file: regexp.MustCompile(`^4`), action: "listjails",
		why: "the document prints what stands for values, here those of two jails that there are",
		replace: [][2]string{
			{"jid_1", "1"}, {"jid_2", "b67065a9-cfb9-11e5-8209-d05099728dbf"},
			{"jail_id", "1\x00-"}, {"unique_id_string", "9b8e1033-d065-11e5-8209-d05099728dbf\x00b67065a9-cfb9-11e5-8209-d05099728dbf"},
			{"on/off", "on\x00off"}, {"jail_state", "up\x00down"}, {"jail_tag", "test\x00test2"}, {"jail_type", "jail\x00basejail"},
			{"freebsd_release", "13.2-RELEASE"}, {"ipv4_address", "em0|10.0.0.5/24\x00-"}, {"ipv6_address", "-\x00re0|2001:db8::5/64"},
			{"template_1", "-"},
		},
	},
	{
		file: regexp.MustCompile(`^4`), action: "listtemplates",
		why: "the document prints what stands for values",
		replace: [][2]string{
			{"jail_id", "-"}, {"unique_id_string", "9b8e1033-d065-11e5-8209-d05099728dbf"}, {"on/off", "off"}, {"jail_state", "down"},
			{"jail_tag", "template_1"}, {"jail_type", "template"}, {"freebsd_release", "13.2-RELEASE"}, {"ipv4_address", "-"}, {"ipv6_address", "-"},
		},
	},
	{
		file: regexp.MustCompile(`^4`), action: "listplugins",
		why: "the document prints what stands for values",
		replace: [][2]string{
			{"pluginname_jid", "gitlab_1"}, {`"number"`, `"1"`}, {"uuid_string", "9b8e1033-d065-11e5-8209-d05099728dbf"}, {"on/off", "off"},
			{"activestate", "up"}, {`"pluginname"`, `"gitlab"`}, {"freebsd_release", "13.2-RELEASE"}, {"ipv4_address", "-"}, {"ipv6_address", "-"},
		},
	},
}

// asPrinted is an answer of a document, with the deviations. A replacement of
// several values gives them out in turn.
func asPrinted(file, action, text string) string {
	for _, d := range deviations {
		if !d.file.MatchString(file) || !slices.Contains(strings.Fields(d.action), action) {
			continue
		}
		for _, r := range d.replace {
			values := strings.Split(r[1], "\x00")
			for n := 0; strings.Contains(text, r[0]); n++ {
				text = strings.Replace(text, r[0], values[n%len(values)], 1)
				if n > 100 {
					panic("a deviation that replaces itself")
				}
			}
		}
	}
	return text
}

// TestDocuments sends every request that the documents print, over REST and over
// a WebSocket, to a machine in the state that the answer shows, and compares the
// whole answer.
func TestDocuments(t *testing.T) {
	t.Parallel()
	total := 0
	for _, d := range documents {
		for _, e := range examples(t, d.file) {
			total++
			if testing.Short() && total%3 != 1 {
				continue
			}
			t.Run(strings.TrimSuffix(d.file, ".txt")+"/"+e.name, func(t *testing.T) {
				t.Parallel()
				require.NotEmpty(t, e.rest)
				require.NotEmpty(t, e.websocket)
				want := asPrinted(d.file, e.action, e.socketReply)
				body := e.restBody
				if body == "" {
					body = argsOf(t, want)
				}
				scene := sceneOf(t, e, want)
				w := scene(t, d.api)
				line, request, _ := strings.Cut(strings.TrimSpace(e.rest), "{")
				require.Equal(t, "PUT /sysadm/iocage", strings.TrimSpace(line))
				code, got := w.rest("root", "{"+request)
				require.Equal(t, http.StatusOK, code)
				require.Equal(t, compact(t, body), compact(t, got), "REST")
				if changes(e) {
					w = scene(t, d.api)
				}
				require.Equal(t, compact(t, want), compact(t, w.dial("root").call(e.websocket)), "WebSocket")
			})
		}
	}
	require.Equal(t, 56, total)
}

func argsOf(t *testing.T, reply string) string {
	var m map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(reply), &m), reply)
	return `{"args":` + string(m["args"]) + `}`
}

// changes reports the examples whose second call needs a separate machine. The
// two answers to startjail and stopjail were taken one after the other: the second
// call found the jail running, or stopped.
func changes(e example) bool {
	for _, prefix := range []string{"list", "get", "df", "activatestatus", "startjail", "stopjail", "execjail", "capjail"} {
		if strings.HasPrefix(e.action, prefix) {
			return false
		}
	}
	return true
}

// scene makes a machine.
type scene func(t *testing.T, api sysadm.Dialect) *world

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// sceneOf is the machine on which a request gets the answer.
func sceneOf(t *testing.T, e example, reply string) scene {
	ids := uuid.FindAllString(reply, -1)
	id := "9b8e1033-d065-11e5-8209-d05099728dbf"
	if len(ids) > 0 {
		id = ids[0]
	}
	var args struct{ Args map[string]any }
	require.NoError(t, json.Unmarshal([]byte(e.websocket), &args))
	return func(t *testing.T, api sysadm.Dialect) *world {
		switch e.action {
		case "activatepool", "activatestatus", "deactivatepool":
			return pools(t, api, args.Args, reply)
		}
		w := newWorld(t)
		w.api = api
		switch e.action {
		case "listjails":
			if api == sysadm.Dialect2017 {
				listScene(w)
				break
			}
			w.sketch(id, "tag=testjail", "type=basejail", "basejail=yes")
		case "getdefaultsettings":
			w.defaultsOf(reply)
		case "getjailsettings":
			w.settingsOf(id, reply)
		case "df":
			for name, row := range rows(t, reply, "df") {
				w.sketch(name, "tag="+row["tag"])
				w.store.shown[simhost.Dataset+"/jails/"+name] = shown{
					used: 1772093, available: 89549468467, properties: map[string]string{"compressratio": "2.30"},
				}
			}
		case "startjail", "stopjail", "capjail", "destroyjail", "execjail", "clonejail":
			w.fetch()
			name := id
			if e.action == "clonejail" {
				name = "0bf985de-ca0f-11e5-8d45-d05099728dbf"
			}
			j := w.jail(name, "tag=test", "exec_prestop=/usr/bin/true")
			if e.action == "clonejail" { // ids are the clone's
				w.uuids = ids
				w.now = func() time.Time { return time.Date(2016, 2, 9, 23, 47, 4, 0, time.Local) }
			}
			if e.action == "execjail" {
				root, err := j.RootPath(t.Context())
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(root, "bin", "echo"), []byte("#!sim echo\n"), 0o755))
			}
			if slices.Contains([]string{"stopjail", "capjail", "execjail"}, e.action) {
				_, err := j.Start(t.Context(), jail.StartOptions{})
				require.NoError(t, err)
			}
			if e.action == "destroyjail" {
				// A clone's origin would be reported as well: this jail has a root of
				// its own, as iocage's thick jails.
				w.store.shown[simhost.Dataset+"/jails/"+id] = shown{}
			}
		case "createjail":
			w.fetch("10.2-RELEASE")
			w.uuids = ids
		case "cleanjails", "cleanreleases", "cleantemplates", "cleanall":
			w.fetch()
			w.sketch("one")
			w.sketch("two", "template=yes")
		case "listreleases":
			w.now = func() time.Time { return time.Date(2017, 6, 5, 10, 0, 0, 0, time.UTC) }
			w.opts.Fetch.Mirror = mirrorOf(t, "9.3-RELEASE", "10.1-RELEASE", "10.2-RELEASE", "10.3-RELEASE", "11.0-RELEASE")
		case "fetchreleases":
			w.opts.Fetch.Mirror = mirrorOf(t)
		case "listtemplates":
			w.sketch(id, "tag=template_1", "template=yes", "release=13.2-RELEASE")
		case "listplugins":
			s := newStage()
			for name, row := range rows(t, reply, "listplugins", "remote") {
				s.list = append(s.list, sysadm.Plugin{ID: name, Name: row["name"], Description: row["description"]})
			}
			w.opts.Plugins = s
			w.fetch()
			j := w.jail(id, "tag=gitlab", "plugin_name=gitlab")
			_, err := j.Start(t.Context(), jail.StartOptions{})
			require.NoError(t, err)
		case "createplugin":
			s := newStage()
			close(s.end)
			w.opts.Plugins = s
		default:
			t.Fatalf("no scene for %s", e.action)
		}
		return w
	}
}

// listScene is two jails, one of them running.
func listScene(w *world) {
	w.fetch()
	j := w.jail("9b8e1033-d065-11e5-8209-d05099728dbf", "tag=test", "boot=on", "ip4_addr=em0|10.0.0.5/24")
	_, err := j.Start(w.t.Context(), jail.StartOptions{})
	require.NoError(w.t, err)
	w.sketch("b67065a9-cfb9-11e5-8209-d05099728dbf", "tag=test2", "basejail=yes", "release=13.2-RELEASE", "ip6_addr=re0|2001:db8::5/64")
}

// rows are the objects of objects at a path of an answer's args.
func rows(t testing.TB, reply string, path ...string) map[string]map[string]string {
	var m struct{ Args json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(reply), &m))
	at := m.Args
	for _, name := range path {
		var o map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(at, &o))
		at = o[name]
	}
	var out map[string]map[string]string
	require.NoError(t, json.Unmarshal(at, &out))
	return out
}

// live are the settings that come from the dataset, as the examples show them
// and as ZFS has them.
var live = map[string]shown{
	"426G":  {used: 96 << 10, available: 426 << 30, mountpoint: "/iocage/.defaults", properties: map[string]string{"compression": "lz4", "dedup": "off"}},
	"83.4G": {used: 1845494, available: 89549468467, properties: map[string]string{"compressratio": "2.27", "compression": "lz4", "dedup": "off"}},
}

// defaultsOf keeps the shown settings as iocage_legacy did: properties of the
// dataset .defaults.
func (w *world) defaultsOf(reply string) {
	set := rows(w.t, reply, "getdefaultsettings")["defaults"]
	dataset := simhost.Dataset + "/.defaults"
	w.legacy(dataset, set)
	w.store.shown[dataset] = live[set["available"]]
}

// settingsOf makes the jails whose settings the answer shows.
func (w *world) settingsOf(id, reply string) {
	for name, set := range rows(w.t, reply, "getjailsettings") {
		if tag, ok := set["TAG"]; ok {
			w.sketch(name, "tag="+tag, "vnet=off")
			continue
		}
		if len(set) == 1 {
			w.sketch(id, "tag="+name, "vnet="+set["vnet"])
			continue
		}
		// Values that the rule cut short have their whole text here.
		set = maps.Clone(set)
		set["gitlocation"], set["interfaces"] = "https://github.com", "vnet0:bridge0,vnet1:bridge1"
		set["memoryuse"], set["last_started"] = "8G:log", "2016-02-10_20:16:04"
		dataset := simhost.Dataset + "/jails/" + id
		w.legacy(dataset, set)
		s := live[set["available"]]
		s.mountpoint = set["mountpoint"]
		w.store.shown[dataset] = s
	}
}

// legacy makes a dataset with properties of iocage_legacy.
func (w *world) legacy(dataset string, set map[string]string) {
	props := map[string]string{}
	for key, value := range set {
		props["org.freebsd.iocage:"+key] = value
	}
	require.NoError(w.t, w.sim.ZFS.Create(w.t.Context(), dataset, zfsstore.CreateOptions{Parents: true, Properties: props}))
}

// pools is a machine with the pool that a request names, or an answer: active
// unless that is what is asked for.
func pools(t *testing.T, api sysadm.Dialect, args map[string]any, reply string) *world {
	pool, _ := args["pool"].(string)
	if m := regexp.MustCompile(`"pool": ?" ?([^"]+)"`).FindStringSubmatch(reply); m != nil {
		pool = m[1]
	}
	w := newWorld(t, host.Source{Name: "ioc", Dataset: pool + "/iocage"})
	w.api = api
	// Sources are looked up, not given.
	var err error
	w.host, err = host.New(w.store, w.sim.Sim, host.Options{Files: w.sim.Files(), RunDir: t.TempDir(), StateDir: t.TempDir()})
	require.NoError(t, err)
	w.opts.Host = w.host
	if args["action"] != "activatepool" || args["pool"] == nil {
		require.NoError(t, w.sim.ZFS.Set(t.Context(), pool, map[string]string{host.ActiveProperty: "yes"}))
	}
	return w
}

// mirrorOf is a mirror's index that names releases, and has none of them.
func mirrorOf(t *testing.T, names ...string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `<pre><a href="../">../</a>`+"\n")
		for _, n := range names {
			fmt.Fprintf(w, "<a href=\"%s/\">%s/</a>\n", n, n)
		}
		fmt.Fprint(w, "</pre>\n")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestDeviations: each deviation is needed, and says why.
func TestDeviations(t *testing.T) {
	for _, d := range deviations {
		require.NotEmpty(t, d.why)
		for _, action := range strings.Fields(d.action) {
			found := false
			for _, doc := range documents {
				for _, e := range examples(t, doc.file) {
					found = found || d.file.MatchString(doc.file) && e.action == action && strings.Contains(e.socketReply, d.replace[0][0])
				}
			}
			require.True(t, found, "%s %v", action, d.replace[0])
		}
	}
}
