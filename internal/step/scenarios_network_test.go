package step_test

import "github.com/libioc/go-libioc/jail"

// networkScenarios are about addresses, interfaces, packet filters and limits.
func networkScenarios() []scenario {
	return []scenario{
		{"addresses of the host", networkHost, []act{
			create("web", jail.CreateOptions{}, map[string]string{"ip4_addr": "em0|192.0.2.50/24"}), start("web"), stop("web"), destroy("web"),
		}},
	}
}
