"""Looking through a camera: everybody who watches stands where it stood, its picture behind the people."""

from dataclasses import dataclass

import numpy as np
import viser
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.rotations import quaternion_from_rotation
from epipose.viewer.frusta import Frustum


@dataclass(frozen=True)
class Stance:
    """Where somebody stands, how they are turned (world from camera: w x y z), and how much they see (radians)."""

    position: Float[ndarray, "3"]
    wxyz: Float[ndarray, "4"]
    fov: float


class Following:
    """Which camera is looked through, if any; `behind_m` are the metres from each at which its picture then is."""

    def __init__(self, server: viser.ViserServer, frusta: dict[str, Frustum], behind_m: dict[str, float]) -> None:
        self._server, self._frusta, self._behind_m = server, frusta, behind_m
        self.name: str | None = None
        self._free: dict[int, Stance] = {}
        self._aspects: dict[int, float] = {}

    def look_through(self, name: str | None) -> None:
        """Stand where a camera stood; None: go back to where everybody was before."""
        if self.name is not None:
            self._frusta[self.name].put_back()
        if name is not None:
            self._frusta[name].put_picture(self._behind_m[name])
        before, self.name = self.name, name
        for client in self._server.get_clients().values():
            if before is None:
                camera = client.camera
                self._free[client.client_id] = Stance(np.array(camera.position), np.array(camera.wxyz), camera.fov)
            if name is not None:
                self.join(client)
            elif client.client_id in self._free:
                _stand(client, self._free.pop(client.client_id))

    def join(self, client: viser.ClientHandle) -> None:
        """Have somebody who comes later, or whose window changed its shape, look through the same camera."""
        self._aspects[client.client_id] = client.camera.aspect
        if self.name is not None:
            frustum = self._frusta[self.name]
            world_from_cam = frustum.camera.cam_from_world.inverse()
            wxyz = quaternion_from_rotation(world_from_cam.rotation)
            _stand(client, Stance(world_from_cam.translation, wxyz, frustum.fov_in(client.camera.aspect)))

    def is_reshaped(self, client: viser.ClientHandle) -> bool:
        """Return whether somebody's window has another shape than when they last joined."""
        return client.camera.aspect != self._aspects.get(client.client_id)

    def leave(self, client: viser.ClientHandle) -> None:
        """Forget somebody who left."""
        self._free.pop(client.client_id, None)
        self._aspects.pop(client.client_id, None)


def _stand(client: viser.ClientHandle, stance: Stance) -> None:
    with client.atomic():
        client.camera.position, client.camera.wxyz, client.camera.fov = stance.position, stance.wxyz, stance.fov
