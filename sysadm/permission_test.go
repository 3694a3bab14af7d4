package sysadm_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
)

// TestHooksNeedExec: properties that run commands need the permission exec, in every
// action that sets properties. Before, an admin without it made a jail whose
// exec_prestart was run by root of the host.
func TestHooksNeedExec(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	w.jail("web")
	keys := []string{"user.exec_consolelog", "provision.method", "provision.source", "provision.rev", "security.jail.param.exec_poststart"}
	for _, p := range config.Properties() {
		if p.Scope == config.ScopeHook {
			keys = append(keys, p.Name)
		}
	}
	require.Contains(t, keys, "exec_prestart")
	require.Contains(t, keys, "exec_start")
	before := state(t, w)
	for _, key := range keys {
		for _, body := range setters("tag=x " + key + "=7") {
			code, text := w.rest("adam", body)
			require.Equal(t, http.StatusForbidden, code, body)
			require.Equal(t, emptyArgs, text)
		}
	}
	require.Zero(t, w.server.Stats().Jobs)
	require.Equal(t, before, state(t, w))

	// Others need no permission, and with it hooks run.
	for i, body := range setters("priority=7") {
		code, text := w.rest("adam", body)
		require.Equal(t, http.StatusOK, code)
		require.NotContains(t, text, "error", i)
	}
	w.action(`{"action":"createjail","props":"release=13.2-RELEASE tag=hooked exec_prestart=false"}`)
	require.Contains(t, fmt.Sprint(w.action(`{"action":"startjail","jail":"hooked"}`)), "FAILED", "the hook was not run")
	require.Eventually(t, func() bool { return w.server.Stats().Jobs == 0 }, 20*time.Second, 10*time.Millisecond)
}

// setters are the requests that set properties.
func setters(properties string) []string {
	return []string{
		`{"action":"createjail","props":"release=13.2-RELEASE ` + properties + `"}`,
		`{"action":"createjail","props":"` + properties + `","switches":"-e"}`,
		`{"action":"createjail","release":"13.2-RELEASE","properties":"` + properties + `"}`,
		`{"action":"clonejail","jail":"web","props":"` + properties + `"}`,
	}
}

// TestHooksWhereExecIsOff: without the option nobody sets hooks, as nobody runs commands.
func TestHooksWhereExecIsOff(t *testing.T) {
	w := newWorld(t)
	w.opts.AllowExec = false
	w.fetch()
	w.jail("web")
	before := state(t, w)
	for _, body := range setters("exec_prestart=id") {
		code, _ := w.rest("root", body)
		require.Equal(t, http.StatusForbidden, code, body)
	}
	require.Equal(t, before, state(t, w))
}
