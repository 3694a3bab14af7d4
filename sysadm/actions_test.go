package sysadm_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/sysadm"
)

type fields = map[string]any

func missing() fields { return fields{"error": "Missing required keys"} }

// TestMissingArguments: the actions of 2016 say so, those of 2017 alone are
// refused.
func TestMissingArguments(t *testing.T) {
	w := newWorld(t)
	for _, a := range sysadm.Actions() {
		required := false
		for _, arg := range a.Args {
			required = required || arg.Required
		}
		if !required && a.Name != "getjailsettings" {
			continue
		}
		for _, body := range []string{`{"action":"` + a.Name + `"}`, `{"action":"` + a.Name + `","jail":"","pool":"","plugin":{},"releases":[]}`} {
			code, text := w.rest("root", body)
			if a.Name == "fetchreleases" || a.Name == "createplugin" {
				require.Equal(t, 400, code, body)
				require.Equal(t, emptyArgs, text)
				continue
			}
			require.Equal(t, missing(), w.action(body), body)
		}
	}
	// The other name of the argument.
	w.sketch("web")
	require.Contains(t, w.action(`{"action":"destroyjail","jail_uuid":"web"}`), "success")
}

// TestStartAndStop: the lines of iocage's tool for everything that can happen.
func TestStartAndStop(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	const id = "0bf985de-ca0f-11e5-8d45-d05099728dbf"
	w.jail(id, "tag=test", "maxproc=100", "cpuset=0")
	require.Equal(t, fields{"test": fields{
		"* Starting " + id + " (test)": "", "+ Started (shared IP mode) OK": "", "+ Starting services OK": "",
		"+ Applying resource limits OK": "", "+ Appliyng CPU affinity OK": "",
	}}, w.action(`{"action":"startjail","jail":"test"}`))
	require.Equal(t, fields{id: fields{"INFO": " " + id + " (test) is already up"}}, w.action(`{"action":"startjail","jail":"`+id+`"}`))
	require.Equal(t, fields{"error": "  ERROR: cannot destroy " + id + " (test) - jail is running!"}, w.action(`{"action":"destroyjail","jail":"test"}`))
	require.Equal(t, fields{"error": "  ERROR: cannot clean: " + id + " (test) is running!"}, w.action(`{"action":"cleanjails"}`))
	require.Equal(t, fields{"error": "  ERROR: cannot clean: " + id + " (test) is running!"}, w.action(`{"action":"cleanall"}`))
	require.Equal(t, fields{"success": "jail test capped."}, w.action(`{"action":"capjail","jail":"test"}`))
	require.Equal(t, fields{"test": fields{
		"* Stopping " + id + " (test)": "", "+ Running pre-stop OK": "", "+ Stopping services OK": "",
		"+ Removing jail process OK": "", "+ Running post-stop OK": "",
	}}, w.action(`{"action":"stopjail","jail":"test"}`))
	require.Equal(t, fields{"test": fields{"INFO": " " + id + " (test) is already down"}}, w.action(`{"action":"stopjail","jail":"test"}`))
	require.Contains(t, w.action(`{"action":"capjail","jail":"test"}`), "error")
	for _, action := range []string{"startjail", "stopjail"} {
		require.Equal(t, fields{"nosuch": fields{"ERROR": " nosuch was not found!"}}, w.action(`{"action":"`+action+`","jail":"nosuch"}`))
	}

	// A tag that two jails have names neither.
	w.sketch("one", "tag=twin")
	w.sketch("two", "tag=twin")
	require.Equal(t, fields{"twin": fields{"ERROR": " multiple jails matching name"}}, w.action(`{"action":"startjail","jail":"twin"}`))

	w.sketch("mould", "tag=form", "template=yes")
	require.Equal(t, fields{"mould": fields{
		"INFO": " form is a template jail, ignoring start request.", "(disable template flag with": " iocage set template=no form)",
	}}, w.action(`{"action":"startjail","jail":"mould"}`))

	// Steps that fail.
	w.jail("sick", "exec_start=/nosuch")
	got := w.action(`{"action":"startjail","jail":"sick"}`).(fields)["sick"].(fields)
	for _, key := range []string{"* Starting sick (sick)", "+ Started (shared IP mode) OK", "+ Starting services FAILED", "! Start FAILED", "ERROR"} {
		require.Contains(t, got, key)
	}
	// The reason was cut at its second colon.
	require.Contains(t, got["ERROR"], "start jail sick: ")
	require.Contains(t, got["ERROR"], "/nosuch")

	// A jail whose hooks fail could not be stopped.
	for hook, line := range map[string]string{"exec_prestop": "+ Running pre-stop FAILED", "exec_stop": "+ Stopping services FAILED"} {
		j := w.jail("stubborn", hook+"=/nosuch")
		_, err := j.Start(t.Context(), jail.StartOptions{})
		require.NoError(t, err)
		got = w.action(`{"action":"stopjail","jail":"stubborn"}`).(fields)["stubborn"].(fields)
		require.Contains(t, got, line)
		require.NotContains(t, got, "ERROR")
		running, err := j.Running(t.Context())
		require.NoError(t, err)
		require.False(t, running)
		_, err = j.Destroy(t.Context(), jail.DestroyOptions{})
		require.NoError(t, err)
	}
}

// TestStartVNET: the lines of a jail with its own network stack.
func TestStartVNET(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	_, err := w.sim.Sim.InterfaceCreate(t.Context(), "bridge0")
	require.NoError(t, err)
	w.jail("web", "vnet=yes", "interfaces=vnet0:bridge0", "ip4_addr=vnet0|192.0.2.1/24")
	require.Equal(t, fields{"web": fields{
		"* Starting web (web)": "", "+ Started OK": "", "+ Configuring VNET OK": "", "+ Starting services OK": "",
	}}, w.action(`{"action":"startjail","jail":"web"}`))
	require.Equal(t, fields{"web": fields{
		"* Stopping web (web)": "", "+ Running pre-stop OK": "", "+ Stopping services OK": "", "+ Tearing down VNET OK": "",
		"+ Removing jail process OK": "", "+ Running post-stop OK": "",
	}}, w.action(`{"action":"stopjail","jail":"web"}`))
}

// TestErrorsOfActions: in the words of iocage's tool.
func TestErrorsOfActions(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	w.jail("web", "tag=shop")
	for body, text := range map[string]string{
		`{"action":"capjail","jail":"nosuch"}`:                                         "  ERROR: nosuch was not found!",
		`{"action":"clonejail","jail":"nosuch"}`:                                       "  ERROR: nosuch was not found!",
		`{"action":"clonejail","jail":"web","props":"foo=1"}`:                          "  ERROR: unsupported property: foo!",
		`{"action":"clonejail","jail":"web","props":"tag=a/b"}`:                        "  ERROR: invalid tag a/b",
		`{"action":"createjail"}`:                                                      "  ERROR: Please specify release=RELEASE.",
		`{"action":"createjail","props":"tag=x"}`:                                      "  ERROR: Please specify release=RELEASE.",
		`{"action":"createjail","props":"tag='x release=1"}`:                           "  ERROR: unbalanced quotes in tag='x release=1",
		`{"action":"createjail","props":"tag=x release=13.2-RELEASE","switches":"-z"}`: "  ERROR: unsupported switch: -z!",
		`{"action":"createjail","props":"tag=ALL release=13.2-RELEASE"}`:               "  ERROR: invalid tag ALL",
		`{"action":"createjail","template":"nosuch"}`:                                  "  ERROR: nosuch was not found!",
		`{"action":"destroyjail","jail":"nosuch"}`:                                     "  ERROR: nosuch was not found!",
		`{"action":"execjail","jail":"nosuch","user":"root","command":"id"}`:           "  ERROR: nosuch was not found!",
		`{"action":"execjail","jail":"web","user":"root","command":"echo 'x"}`:         "  ERROR: unbalanced quotes in the command",
		`{"action":"execjail","jail":"web","user":"root","command":"id"}`:              "exec in jail web: jail is not running",
		`{"action":"getjailsettings","jail":"nosuch"}`:                                 "  ERROR: nosuch was not found!",
		`{"action":"getjailsettings","jail":"web","prop":"foo"}`:                       "  ERROR: unsupported property: foo!",
		`{"action":"getjailsettings","prop":"foo","switches":"-r"}`:                    "  ERROR: unsupported property: foo!",
		`{"action":"getjailsettings","prop":"vnet"}`:                                   "  ERROR: missing jail name.",
		`{"action":"createplugin","plugin":"x","net_device":"re0","ip4":"1.2.3.4"}`:    "no plugin index is configured",
		`{"action":"listplugins"}`:                                                     "no plugin index is configured",
	} {
		require.Equal(t, fields{"error": text}, w.action(body), body)
	}
	require.Equal(t, fields{}, w.action(`{"action":"getjailsettings","jail":"web","switches":"-r"}`))
	// A release that a basejail needs stays.
	w.jail("base", "basejail=yes", "release=13.2-RELEASE")
	require.Contains(t, fmt.Sprint(w.action(`{"action":"cleanreleases"}`)), "error")
	require.Equal(t, fields{"success": "All iocage datasets have been cleaned."}, w.action(`{"action":"cleanall"}`))
	require.Equal(t, fields{"jails": fields{}}, w.action(`{"action":"listjails"}`))
	require.Equal(t, fields{}, w.action(`{"action":"listjails","api":"2016"}`))
	require.Equal(t, fields{"templates": fields{}}, w.action(`{"action":"listtemplates"}`))
	require.Equal(t, []any{""}, w.action(`{"action":"listreleases"}`).(fields)["local"])
}

// TestCreateAndClone: with switches, from a template as a job, and what a clone
// takes over.
func TestCreateAndClone(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	got := w.action(`{"action":"createjail","props":"tag=base release=13.2-RELEASE","switches":"-b"}`).(fields)
	require.Equal(t, "-b", got["switches"])
	id := got["success"].(fields)["uuid"].(string)
	require.Regexp(t, uuid, id)
	rows := w.action(`{"action":"listjails"}`).(fields)["jails"].(fields)
	require.Equal(t, "basejail", rows[id].(fields)["type"])
	require.Equal(t, "base", rows[id].(fields)["tag"])

	w.action(`{"action":"createjail","props":"tag=a priority=7 release=13.2-RELEASE"}`)
	require.Equal(t, fields{"jail": "a", "props": "tag=b notes='a b'"}, without(w.action(`{"action":"clonejail","jail":"a","props":"tag=b notes='a b'"}`), "success"))
	settings := w.action(`{"action":"getjailsettings","jail":"b"}`).(fields)["b"].(fields)
	require.Equal(t, []any{"b", "7", "a b", "13.2-RELEASE"}, []any{settings["tag"], settings["priority"], settings["notes"], settings["release"]})
	rows = w.action(`{"action":"listjails"}`).(fields)["jails"].(fields)
	// A clone reports the jail whose root it was cloned from; it was always "-", since the
	// dataset of the jail itself is no clone.
	byTag := map[string]fields{}
	for _, row := range rows {
		byTag[row.(fields)["tag"].(string)] = row.(fields)
	}
	require.Equal(t, byTag["a"]["uuid"], byTag["b"]["template"])
	require.Equal(t, "-", byTag["a"]["template"])
	require.Equal(t, "-", byTag["base"]["template"])

	template := w.jail("mould")
	_, err := template.SetTemplate(t.Context(), jail.TemplateOptions{Template: true})
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(w.action(`{"action":"createjail","template":"mould","properties":["tag=cast"]}`)), "sysadm_iocage_create_jail_{")
	require.Eventually(t, func() bool { return w.server.Stats().Jobs == 0 }, 20*time.Second, 10*time.Millisecond)
	require.Contains(t, fmt.Sprint(w.action(`{"action":"listjails"}`)), "tag:cast")
	jails := w.action(`{"action":"listjails"}`).(fields)["jails"].(fields)
	require.NotContains(t, slices.Collect(maps.Keys(jails)), "mould", "templates are listed by listtemplates")
	for _, row := range jails {
		if row.(fields)["tag"] == "cast" {
			require.Equal(t, "mould", row.(fields)["template"])
		}
	}

	// The jails go before what they were cloned from.
	require.Equal(t, fields{"success": "All jails have been cleaned."}, w.action(`{"action":"cleanjails"}`))
	require.Equal(t, fields{"success": "All templates have been cleaned."}, w.action(`{"action":"cleantemplates"}`))
	require.Equal(t, fields{"success": "All RELEASEs have been cleaned."}, w.action(`{"action":"cleanreleases"}`))
}

func without(v any, key string) fields {
	m := v.(fields)
	delete(m, key)
	return m
}

// TestExec: the shape of 2016, and what the dialect of 2017 adds.
func TestExec(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	j := w.jail("web")
	_, err := j.Start(t.Context(), jail.StartOptions{})
	require.NoError(t, err)
	root, err := j.RootPath(t.Context())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "bin", "echo"), []byte("#!sim echo\n"), 0o755))
	run := func(api, command string) any {
		text, err := json.Marshal(command)
		require.NoError(t, err)
		return w.action(`{"action":"execjail","jail":"web","user":"root","api":"` + api + `","command":` + string(text) + `}`)
	}
	const script = `/bin/sh -c "echo 'a:b:c'; echo hi; echo hi; exit 3"`
	require.Equal(t, fields{"success": fields{"a": "b", "hi": ""}}, run("2016", script))
	require.Equal(t, fields{
		"success": fields{"a": "b", "hi": ""}, "exit_code": "3", "stdout": "a:b:c\nhi\nhi\n", "stderr": "",
	}, run("2017", script))
	require.Equal(t, fields{"error": "jexec: execvp: nosuch: No such file or directory"}, run("2016", "nosuch"))
}

// TestPools: changing the pool in use.
func TestPools(t *testing.T) {
	for name, c := range map[string]struct {
		active bool
		calls  [][2]string
	}{
		"none active": {false, [][2]string{
			{`{"action":"activatestatus"}`, `{"activated":"false"}`},
			{`{"action":"activatepool"}`, `{"currently active":{"pool":""}}`},
			{`{"action":"activatepool","pool":"foo"}`, `{"error":"  ERROR: foo is not a valid pool!"}`},
			{`{"action":"activatepool","pool":"tank"}`, `{"success":"pool tank activated."}`},
			{`{"action":"activatepool","pool":"tank"}`, `{"error":"  ERROR: tank already active!"}`},
			{`{"action":"activatestatus"}`, `{"activated":"true","pool":"tank"}`},
			{`{"action":"deactivatepool","pool":"foo"}`, `{"error":"  ERROR: foo is not a valid pool!"}`},
			{`{"action":"deactivatepool","pool":"tank"}`, `{"success":"pool tank deactivated."}`},
			{`{"action":"deactivatepool","pool":"tank"}`, `{"error":"  ERROR: tank is not active!"}`}, // it told success
			{`{"action":"activatestatus"}`, `{"activated":"false"}`},
		}},
		"active": {true, [][2]string{
			{`{"action":"activatepool"}`, `{"currently active":{"pool":" tank"}}`},
		}},
	} {
		w := pools(t, sysadm.Dialect2017, map[string]any{"pool": "tank", "action": "activatepool"}, "")
		if c.active {
			require.NoError(t, w.sim.ZFS.Set(t.Context(), "tank", map[string]string{host.ActiveProperty: "yes"}))
		}
		for _, call := range c.calls {
			text, err := json.Marshal(w.action(call[0]))
			require.NoError(t, err)
			require.Equal(t, call[1], string(text), "%s: %s", name, call[0])
		}
	}
}

// TestKeys: the login with an RSA key, in two calls.
func TestKeys(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	w := newWorld(t)
	w.opts.Auth = keys{people, &key.PublicKey}
	c := w.dial("")
	ask := func() string {
		var m struct{ Args map[string]string }
		require.NoError(t, json.Unmarshal([]byte(c.call(`{"namespace":"rpc","name":"auth_ssl","id":"1","args":""}`)), &m))
		require.Regexp(t, "^[A-Za-z0-9]{20}$", m.Args["test_string"])
		return m.Args["test_string"]
	}
	bring := func(text string) string {
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, 0, []byte(text))
		require.NoError(t, err)
		return c.call(`{"namespace":"rpc","name":"auth_ssl","id":"2","args":{"encrypted_string":"` + base64.StdEncoding.EncodeToString(sig) + `"}}`)
	}
	text := ask()
	require.Regexp(t, `^\{"args":\["[A-Za-z0-9_-]{43}",900\],"id":"2"`, bring(text))
	require.Contains(t, c.call(`{"namespace":"rpc","name":"query","id":"q","args":{}}`), `"response"`)
	require.Contains(t, bring(text), `"401"`, "a text is good once")
	require.Contains(t, bring(ask()+"x"), `"401"`)
	require.Contains(t, c.call(`{"namespace":"rpc","name":"query","id":"q","args":{}}`), `"401"`)

	// Without keys nobody logs in so.
	plain := newWorld(t).dial("")
	require.Contains(t, plain.call(`{"namespace":"rpc","name":"auth_ssl","id":"1","args":""}`), `"401"`)
}

type keys struct {
	sysadm.Authenticator
	key *rsa.PublicKey
}

func (k keys) AuthenticateKey(_ context.Context, text, signature []byte) (sysadm.User, error) {
	if rsa.VerifyPKCS1v15(k.key, 0, text, signature) != nil {
		return sysadm.User{}, sysadm.ErrLogin
	}
	return sysadm.User{Name: "key", Role: sysadm.RoleRead}, nil
}

var docRow = regexp.MustCompile(`(?m)^\| ([a-z]+) \| ([0-9 -]+) \| ([a-z ]+) \|([^|]*)\|`)

// TestDocs: docs/sysadm.md has every action with its documents, role and
// arguments, and no other.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "docs", "sysadm.md"))
	require.NoError(t, err)
	found := map[string][]string{}
	for _, m := range docRow.FindAllStringSubmatch(string(data), -1) {
		found[m[1]] = m[2:]
	}
	all := sysadm.Actions()
	require.Len(t, all, 23)
	require.Len(t, found, len(all))
	for _, a := range all {
		var ds []string
		for _, d := range a.Dialects {
			ds = append(ds, d.String())
		}
		role := a.Role.String()
		if a.Exec {
			role += " and exec"
		}
		require.Equal(t, []string{strings.Join(ds, " "), role}, found[a.Name][:2], a.Name)
		for _, arg := range a.Args {
			name := arg.Name
			if arg.Required {
				name = "**" + name + "**"
			}
			require.Contains(t, found[a.Name][2], name, a.Name)
		}
	}
}

// TestRequestsAsClientsWriteThem: a message without args is its own argument object, the
// namespace is echoed as it was written, and arguments of other types are refused.
func TestRequestsAsClientsWriteThem(t *testing.T) {
	w := newWorld(t)
	c := w.dial("root")
	require.Contains(t, c.call(`{"namespace":"SysAdm","name":"iocage","id":"1","action":"activatestatus"}`), `"namespace":"SysAdm"`)
	require.Contains(t, c.call(`{"namespace":"sysadm","name":"iocage","id":"2","action":"activatestatus"}`), `"activatestatus":{"activated"`)
	for body, want := range map[string]int{
		`{"action":"listjails"}`:                       200,
		"{\"action\":\"listjails\",\"x\":\"\xff\"}":    400,
		`{"action":"createjail","switches":["-e"]}`:    400,
		`{"action":"startjail","jail":{"name":"web"}}`: 400,
		`{"action":"startjail","jail":["web"]}`:        400,
	} {
		code, _ := w.rest("root", body)
		require.Equal(t, want, code, body)
	}
	for _, tag := range []string{"\u00a0", "\t", "a\nb", "a\x7f"} {
		text, err := json.Marshal(map[string]string{"action": "createjail", "props": "tag='" + tag + "' release=13.2-RELEASE"})
		require.NoError(t, err)
		got, err := json.Marshal(w.action(string(text)))
		require.NoError(t, err)
		require.Contains(t, string(got), "ERROR: invalid tag", tag)
	}
}

// TestSettingsOfAJailMadeHere: the words of the documents, also for what this library stores
// otherwise: memoryuse was "log=8G", host_hostname "none", template "no", and last_started
// was never written.
func TestSettingsOfAJailMadeHere(t *testing.T) {
	w := newWorld(t)
	w.api = sysadm.Dialect2016
	w.now = func() time.Time { return time.Date(2016, 2, 10, 20, 16, 4, 0, time.Local) }
	w.fetch()
	w.action(`{"action":"createjail","props":"tag=web release=13.2-RELEASE memoryuse=8G:log"}`)
	w.action(`{"action":"createjail","props":"tag=db release=13.2-RELEASE memoryuse=8G host_hostname=db.example.org"}`)
	settings := func(tag string) fields {
		return w.action(`{"action":"getjailsettings","jail":"` + tag + `"}`).(fields)[tag].(fields)
	}
	words := func(tag string) []any {
		set := settings(tag)
		if set["host_hostname"] != "db.example.org" {
			require.Regexp(t, uuid, set["host_hostname"])
			set["host_hostname"] = "its uuid"
		}
		return []any{set["memoryuse"], set["host_hostname"], set["template"], set["istemplate"], set["last_started"]}
	}
	require.Equal(t, []any{"8G", "its uuid", "-", "no", "none"}, words("web"))
	require.Equal(t, []any{"8G", "db.example.org", "-", "no", "none"}, words("db"))
	w.action(`{"action":"startjail","jail":"web"}`)
	require.Equal(t, "2016-02-10_20", settings("web")["last_started"], "cut at the colon, as the original's")
	whole := w.action(`{"action":"getjailsettings","jail":"web","prop":"last_started","api":"2017"}`)
	require.Equal(t, fields{"web": fields{"last_started": "2016-02-10_20:16:04"}}, whole)
	limit := w.action(`{"action":"getjailsettings","jail":"web","prop":"memoryuse","api":"2017"}`)
	require.Equal(t, fields{"web": fields{"memoryuse": "8G:log"}}, limit)
}
