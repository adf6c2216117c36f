module github.com/weir-gitops/weir/manifests

go 1.26.0
