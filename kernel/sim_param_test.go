package kernel

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSimParams compares the parameters with the recorded nodes of
// security.jail.param.
func TestSimParams(t *testing.T) {
	kinds := map[ParamType]string{
		ParamBool: "integer", ParamInt: "integer", ParamJailsys: "integer", ParamUlong: "unsigned long",
		ParamString: "string", ParamAddr4: "opaque", ParamAddr6: "opaque",
	}
	for _, release := range []string{"13.2", "15.1"} {
		raw, err := os.ReadFile(filepath.Join("testdata/recorded", release, "params.tsv"))
		check(t, err)
		var want []string
		for row := range strings.Lines(string(raw)) {
			name, kind, _ := strings.Cut(strings.TrimSpace(row), "\t")
			if name == "name" && kind == "sysctl type" || kind == "node" {
				continue
			}
			want = append(want, strings.TrimSuffix(name, ".")+" "+kind)
		}
		s := newSim(t, SimOptions{Release: release + "-RELEASE"})
		infos, err := s.JailParams(context.Background())
		check(t, err)
		var got []string
		for _, i := range infos {
			got = append(got, i.Name+" "+kinds[i.Type])
		}
		slices.Sort(want)
		slices.Sort(got)
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: %s is missing", release, w)
			}
		}
		for _, g := range got {
			if !slices.Contains(want, g) {
				t.Errorf("%s: %s is not recorded", release, g)
			}
		}
	}
}
