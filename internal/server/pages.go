package server

import "net/http"

func (s *Server) monitorHandler() http.Handler { return http.NotFoundHandler() }
