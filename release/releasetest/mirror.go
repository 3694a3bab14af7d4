package releasetest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"sort"
)

// Assets returns the files that [Mirror] serves for a version, by name: base.txz,
// base.tgz and lib32.txz.
func Assets(version string) map[string][]byte {
	lib32 := []Member{
		{Name: "./", Type: tar.TypeDir, Mode: 0o755},
		{Name: "./usr/", Type: tar.TypeDir, Mode: 0o755},
		{Name: "./usr/lib32/", Type: tar.TypeDir, Mode: 0o755},
		{Name: "./usr/lib32/libc.so.7", Type: tar.TypeReg, Mode: 0o444, Body: "libc32\n"},
	}
	return map[string][]byte{
		"base.txz":  Archive("txz", version),
		"base.tgz":  Archive("tgz", version),
		"lib32.txz": Pack("txz", lib32),
	}
}

// Mirror serves one release as download.freebsd.org does. A path ending in
// "<version>/<file>" is an asset or the MANIFEST, one ending in "<version>/" the
// release's index, and any other that ends in a slash the index of releases, so it
// can be mounted at /ftp/releases/amd64/amd64/ or at /. Ranges, If-Range and ETags
// work.
func Mirror(version string) http.Handler {
	files := Assets(version)
	files["MANIFEST"] = []byte(Manifest(files))
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dir, file := path.Split(r.URL.Path)
		inRelease := path.Base(dir) == version
		switch {
		case file == "" && inRelease:
			index(w, r, names)
		case file == "":
			index(w, r, []string{version + "/", "ISO-IMAGES/"})
		case inRelease && files[file] != nil:
			sum := sha256.Sum256(files[file])
			w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeContent(w, r, file, modTime, bytes.NewReader(files[file]))
		default:
			http.NotFound(w, r)
		}
	})
}

// index writes a directory index in the form of nginx.
func index(w http.ResponseWriter, r *http.Request, names []string) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, "<html>\n<head><title>Index of %s</title></head>\n<body>\n<pre><a href=\"../\">../</a>\n", path.Clean(r.URL.Path))
	for _, name := range names {
		fmt.Fprintf(w, "<a href=\"%s\">%s</a>\n", name, name)
	}
	fmt.Fprint(w, "</pre>\n</body>\n</html>\n")
}
