package jail_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/libioc/go-libioc/jail"
)

// stepKinds are the kinds of steps that operations have planned.
type stepKinds struct {
	mu      sync.Mutex
	planned map[string]bool
}

// add notes the kinds of a plan. What comes after the point of no return of create,
// start and stop is what clears away a start's former base, and all of a stop but the
// hooks at its beginning; the fault matrix takes the plan's word for that point.
func (k *stepKinds) add(t *testing.T, operation string, p *jail.Plan) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	hooks := true
	for _, s := range p.Steps() {
		k.planned[s.Kind] = true
		hooks = hooks && s.Kind == "run hook"
		switch {
		case operation == "start with one command": // it ends with a stop
		case strings.HasPrefix(operation, "create"), strings.HasPrefix(operation, "start"):
			assert.Equal(t, !strings.HasPrefix(s.Kind, "destroy former base"), s.Undo, "%s: %s", s.Kind, s.Detail)
		case strings.HasPrefix(operation, "stop"):
			assert.Equal(t, hooks, s.Undo, "%s: %s", s.Kind, s.Detail)
		}
	}
}

// requireAll checks that every kind of step is in an operation that the fault matrix
// goes through.
func (k *stepKinds) requireAll(t *testing.T) {
	t.Helper()
	for _, kind := range jail.StepKinds() {
		assert.True(t, k.planned[kind], "no operation has a step %q", kind)
	}
}
