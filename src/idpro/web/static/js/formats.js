// What can be exported: id, name, what it is. Made from formats.WRITERS by `python -m idpro.web.choices`.

export const FORMATS = /** @type {const} */ ([
  ['davis', 'DAVIS masks', 'Palette PNG, pixel = object id'],
  ['binary', 'Binary masks', 'One black and white PNG an object'],
  ['rgba', 'Cut-outs', 'RGBA PNG, objects on transparent'],
  ['matte', 'Soft mattes', 'Gray PNG from probabilities'],
  ['exr', 'OpenEXR mattes', 'One file a frame, a 16-bit layer an object'],
  ['overlay', 'Overlay video', 'MP4 with the masks drawn over it'],
  ['prores', 'Alpha video, ProRes 4444', 'MOV for editing and compositing'],
  ['vp9', 'Alpha video, VP9', 'WebM for the web'],
  ['coco', 'COCO', 'JSON, run lengths with track ids'],
  ['youtube-vis', 'YouTube-VIS', 'JSON, one track an object'],
  ['datumaro', 'Datumaro', 'JSON, run lengths with track ids'],
  ['cvat', 'CVAT for video 1.1', 'XML, one track of masks an object'],
  ['label-studio', 'Label Studio, video', 'JSON, one task, tracked polygons'],
  ['label-studio-brush', 'Label Studio, pictures', 'JSON, a task a frame, brush masks'],
  ['mots', 'MOTS', '16-bit PNG, class and object id'],
  ['yolo', 'YOLO segmentation', 'Polygons as text, one file a frame'],
  ['label-tiff', 'Label TIFF', 'Stack for ImageJ and napari, pixel = object id'],
  ['imagej-roi', 'ImageJ ROIs', 'Zip for the ROI Manager, exact outlines'],
  ['measurements', 'Measurements', 'CSV: area, centroid and mean value'],
]);

export const SOFT = ['rgba', 'prores', 'vp9']; // formats with transparency
