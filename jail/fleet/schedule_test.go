package fleet

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
)

var errBroken = errors.New("broken")

// graphOf reads nodes such as "web:3<db,cache": a name, an order and what it
// needs. One that ends in ! is refused.
func graphOf(text string) (nodes []*node, byName map[string]*node) {
	byName = map[string]*node{}
	needs := map[*node]string{}
	for _, word := range strings.Fields(text) {
		word, refused := strings.CutSuffix(word, "!")
		word, on, _ := strings.Cut(word, "<")
		name, order, _ := strings.Cut(word, ":")
		n := &node{name: name}
		n.order, _ = strconv.Atoi(order)
		if refused {
			n.refused = errBroken
		}
		needs[n], byName[name] = on, n
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		for name := range strings.SplitSeq(needs[n], ",") {
			if name != "" {
				n.needs = append(n.needs, byName[name])
			}
		}
	}
	return nodes, byName
}

// messageOf reads "done web", "fail web", "free web", "5s" or "cut".
func messageOf(text string, byName map[string]*node) message {
	word, name, _ := strings.Cut(text, " ")
	m := message{node: byName[name]}
	switch word {
	case "free":
		m.kind = slotFreed
	case "done":
		m.kind, m.report = workDone, report{outcome: Done}
	case "fail":
		m.kind, m.report = workDone, report{outcome: Failed, err: errBroken}
	case "cut":
		m.kind = timeOver
	case "":
	default:
		m.kind = levelOver
	}
	return m
}

// TestSchedule: what the schedule does for each message.
func TestSchedule(t *testing.T) {
	type step struct{ message, actions string }
	for _, tc := range []struct {
		name        string
		slots       int
		nodes       string
		independent bool
		deadline    time.Duration
		ended       error
		steps       []step
	}{
		{"nothing", 1, "", false, 0, nil, []step{{"", ""}}},
		{"order, then name", 1, "b:1 a:1 c:0", false, 0, nil, []step{
			{"", "+c"}, {"done c", "c=done +a"}, {"done a", "a=done +b"}, {"done b", "b=done"},
		}},
		{"slots", 2, "a b c d", false, 0, nil, []step{
			{"", "+a +b"}, {"free a", "+c"}, {"free a", ""}, {"done a", "a=done"}, {"done b", "b=done +d"}, {"fail c", "c=failed"}, {"done d", "d=done"},
		}},
		{"needs", 4, "web<db,cache db cache<db", false, 0, nil, []step{
			{"", "+db"}, {"free db", ""}, {"done db", "db=done +cache"}, {"done cache", "cache=done +web"}, {"done web", "web=done"},
		}},
		{"a dependant gets the slot of what it needs", 1, "a b z:-1<a", false, 0, nil, []step{
			{"", "+a"}, {"done a", "a=done +z"}, {"done z", "z=done +b"},
		}},
		{"a failure affects dependants only", 4, "a b<a c<b d", false, 0, nil, []step{
			{"", "+a +d"}, {"fail a", "a=failed b=dependency c=dependency"}, {"done d", "d=done"},
		}},
		{"independent", 4, "a b<a", true, 0, nil, []step{
			{"", "+a"}, {"fail a", "a=failed +b"}, {"done b", "b=done"},
		}},
		{"refused", 1, "a! b<a c", false, 0, nil, []step{{"", "a=failed b=dependency +c"}, {"done c", "c=done"}}},
		{"ended", 1, "a b<a", false, 0, context.Canceled, []step{{"", "a=canceled b=dependency"}}},
		{"a circle that nobody has refused", 1, "a<b b<a c", false, 0, nil, []step{{"", "+c"}, {"done c", "c=done a=circle b=circle"}}},
		{"levels", 4, "a:1 b:1 c:2 d:3", false, time.Minute, nil, []step{
			{"", "+a +b"}, {"done b", "b=done"}, {"fail a", "a=failed +c"}, {"done c", "c=done +d"},
		}},
		{"levels have a share of the time", 4, "a:1 b:2 c:3 z:3<a", false, 40 * time.Second, nil, []step{
			{"", "+a"}, {"9s", ""}, {"10s", "+b"}, {"19s", ""}, {"20s", "+c"}, {"done a", "a=done +z"},
		}},
		{"a refused level is over", 4, "a:1! b:2", false, time.Minute, nil, []step{{"", "a=failed +b"}}},
		{"cut", 1, "a b<a c", false, 0, nil, []step{{"", "+a"}, {"free a", "+c"}, {"done c", "c=done"}, {"cut", "a=cut b=cut"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			began := time.Now()
			nodes, byName := graphOf(tc.nodes)
			s := newSchedule(nodes, tc.slots)
			s.independent = tc.independent
			if tc.deadline > 0 {
				s.levels = newLevels(nodes, began, began.Add(tc.deadline))
			}
			for _, step := range tc.steps {
				m := messageOf(step.message, byName)
				m.now, m.ended = began, tc.ended
				if d, err := time.ParseDuration(step.message); err == nil {
					m.now = began.Add(d)
				}
				var actions []string
				for _, a := range s.next(m) {
					actions = append(actions, actionText(a))
				}
				require.Equal(t, step.actions, strings.Join(actions, " "), "at %q", step.message)
			}
		})
	}
}

func actionText(a action) string {
	err := a.node.result.Err
	switch {
	case a.begin:
		return "+" + a.node.name
	case errors.Is(err, jail.ErrDependency):
		return a.node.name + "=dependency"
	case errors.Is(err, jail.ErrCycle):
		return a.node.name + "=circle"
	case errors.Is(err, context.Canceled):
		return a.node.name + "=canceled"
	case errors.Is(err, errCut):
		return a.node.name + "=cut"
	}
	return a.node.name + "=" + a.node.result.Outcome.String()
}
