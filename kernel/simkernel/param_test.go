package simkernel

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// TestParams compares the parameters with the recorded nodes of
// security.jail.param.
func TestParams(t *testing.T) {
	kinds := map[kernel.ParamType]string{
		kernel.ParamBool: "integer", kernel.ParamInt: "integer", kernel.ParamJailsys: "integer", kernel.ParamUlong: "unsigned long",
		kernel.ParamString: "string", kernel.ParamAddr4: "opaque", kernel.ParamAddr6: "opaque",
	}
	for _, release := range []string{"13.2", "15.1"} {
		raw, err := os.ReadFile(filepath.Join("../testdata/recorded", release, "params.tsv"))
		check(t, err)
		var want []string
		for row := range strings.Lines(string(raw)) {
			name, kind, _ := strings.Cut(strings.TrimSpace(row), "\t")
			if name == "name" && kind == "sysctl type" || kind == "node" {
				continue
			}
			want = append(want, strings.TrimSuffix(name, ".")+" "+kind)
		}
		s := newSim(t, Options{Release: release + "-RELEASE"})
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
