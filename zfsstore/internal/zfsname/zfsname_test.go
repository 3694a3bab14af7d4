package zfsname

import (
	"strings"
	"testing"
)

// TestNameWords has the words of zfs_validate_name of OpenZFS 2.1 and 2.4.
func TestNameWords(t *testing.T) {
	for _, test := range []struct {
		name     string
		snapshot bool
		want     string
	}{
		{"pool/a-b_c.d:e f", false, ""},
		{"pool/-a", false, ""},
		{"pool/a@-1", true, ""},
		{"pool/" + strings.Repeat("x", 250), false, ""},
		{"pool/" + strings.Repeat("x", 251), false, "name is too long"},
		{"pool/a@b", false, "snapshot delimiter '@' is not expected here"},
		{"pool/a", true, "missing '@' delimiter in snapshot name"},
		{"pool/a#b", false, "bookmark delimiter '#' is not expected here"},
		{"pool/a%b", false, "invalid character % in name"},
		{"pool/a,b", false, "invalid character ',' in name"},
		{"pool/\u00e4", false, "invalid character '\xc3' in name"},
		{"pool/a'b", false, "invalid character in name"},
		{"pool/a\nb", false, "invalid character in name"},
		{"/pool", false, "leading slash in name"},
		{"-r", false, "invalid character - in name"},
		{"pool/", false, "trailing slash in name"},
		{"pool/a@b/c", true, "trailing slash in name"},
		{"pool//a", false, "empty component or misplaced '@' or '#' delimiter in name"},
		{"pool/a@", true, "empty component or misplaced '@' or '#' delimiter in name"},
		{"pool/@a", true, "empty component or misplaced '@' or '#' delimiter in name"},
		{"", false, "empty component or misplaced '@' or '#' delimiter in name"},
		{"pool/a@b@c", true, "multiple '@' and/or '#' delimiters in name"},
		{"pool/.", false, "self reference, '.' is found in name"},
		{"pool/..", false, "parent reference, '..' is found in name"},
		{"pool/../a", false, "parent reference, '..' is found in name"},
	} {
		if got := Words(test.name, test.snapshot); got != test.want {
			t.Errorf("%q: %q, want %q", test.name, got, test.want)
		}
	}
}
