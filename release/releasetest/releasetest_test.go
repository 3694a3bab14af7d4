package releasetest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/release/releasetest"
)

func TestArchiveIsDeterministic(t *testing.T) {
	for _, format := range []string{"txz", "tgz", "tar", "tar.zst"} {
		a, b := releasetest.Archive(format, "13.2-RELEASE"), releasetest.Archive(format, "13.2-RELEASE")
		if !bytes.Equal(a, b) || len(a) == 0 {
			t.Errorf("%s: two different archives of %d and %d bytes", format, len(a), len(b))
		}
		if c := releasetest.Archive(format, "14.3-RELEASE"); bytes.Equal(a, c) {
			t.Errorf("%s: the version makes no difference", format)
		}
	}
}

// TestOtherProgramsRead: bsdtar(1) lists the archives without complaint.
func TestOtherProgramsRead(t *testing.T) {
	path, err := exec.LookPath("bsdtar")
	if err != nil {
		t.Skip("no bsdtar here")
	}
	for _, format := range []string{"txz", "tgz", "tar", "tar.zst"} {
		cmd := exec.Command(path, "-tf", "-")
		cmd.Stdin = bytes.NewReader(releasetest.Archive(format, "13.2-RELEASE"))
		out, err := cmd.CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err != nil || lines[0] != "./" || len(lines) != len(releasetest.Members("13.2-RELEASE")) {
			t.Errorf("%s: %v\n%s", format, err, out)
		}
	}
}

// TestFreeBSDVersion: the script is one, and says the version.
func TestFreeBSDVersion(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	for _, m := range releasetest.Members("13.2-RELEASE-p4") {
		if m.Name != "./bin/freebsd-version" {
			continue
		}
		out, err := exec.Command(sh, "-c", m.Body, "freebsd-version", "-u").CombinedOutput()
		if err != nil || string(out) != "13.2-RELEASE-p4\n" || !strings.Contains(m.Body, "\nUSERLAND_VERSION=\"13.2-RELEASE-p4\"\n") {
			t.Errorf("%s (%v)", out, err)
		}
		return
	}
	t.Error("no freebsd-version")
}

func ExampleMirror() {
	server := httptest.NewServer(releasetest.Mirror("13.2-RELEASE"))
	defer server.Close()
	get := func(path string) []byte {
		resp, err := http.Get(server.URL + "/releases/amd64/amd64/13.2-RELEASE/" + path)
		if err != nil {
			panic(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return body
	}
	sum := sha256.Sum256(get("base.txz"))
	fmt.Println(strings.Contains(string(get("MANIFEST")), "base.txz\t"+hex.EncodeToString(sum[:])))
	// Output: true
}
