// What crosses the wire. Made from schemas.py by `python -m idpro.web.typedefs`: change it there.

/**
 * A scribble, or a click when it has one point; object 0 erases.
 * @typedef {object} StrokeMark
 * @property {'stroke'} kind
 * @property {string} id
 * @property {number} object
 * @property {[number, number][]} points
 * @property {number} [width]
 */
/**
 * A box around an object.
 * @typedef {object} BoxMark
 * @property {'box'} kind
 * @property {string} id
 * @property {number} object
 * @property {number} x0
 * @property {number} y0
 * @property {number} x1
 * @property {number} y1
 */
/**
 * The mask brush: exactly these pixels become this object (0: background), but for those of the objects in ``spares``.
 * @typedef {object} PaintMark
 * @property {'paint'} kind
 * @property {string} id
 * @property {number} object
 * @property {[number, number][]} points
 * @property {number} width
 * @property {number[]} [spares]
 */
/**
 * A filled outline (lasso, polygon): exactly the pixels inside become this object, but for those of ``spares``.
 * @typedef {object} AreaMark
 * @property {'area'} kind
 * @property {string} id
 * @property {number} object
 * @property {[number, number][]} points
 * @property {number[]} [spares]
 */
/**
 * The object is not on this frame: its mask there is emptied.
 * @typedef {object} AbsentMark
 * @property {'absent'} kind
 * @property {string} id
 * @property {number} object
 */
/**
 * An object of the list, in the list's order.
 * @typedef {object} ObjectInfo
 * @property {number} id
 * @property {string} name
 * @property {string} color
 * @property {string} category
 * @property {boolean} hidden
 * @property {boolean} locked
 */
/**
 * Add and remove pending marks of one frame in one step (drawing, erasing, moving to another object).
 * @typedef {object} EditMarks
 * @property {'edit_marks'} op
 * @property {number} frame
 * @property {string[]} [remove]
 * @property {Mark[]} [add]
 */
/**
 * Remove all pending marks, or those of some frames.
 * @typedef {object} ClearMarks
 * @property {'clear_marks'} op
 * @property {number[]|null} [frames]
 */
/**
 * @typedef {object} AddObject
 * @property {'add_object'} op
 * @property {number} id
 * @property {string} name
 * @property {string} color
 */
/**
 * Rename, recolour, give a class, hide or lock; hiding and locking are ways of looking and are not undone by Ctrl+Z.
 * @typedef {object} UpdateObject
 * @property {'update_object'} op
 * @property {number} id
 * @property {string|null} [name]
 * @property {string|null} [color]
 * @property {string|null} [category]
 * @property {boolean|null} [hidden]
 * @property {boolean|null} [locked]
 */
/**
 * @typedef {object} OrderObjects
 * @property {'order_objects'} op
 * @property {number[]} ids
 */
/**
 * @typedef {object} EditRequest
 * @property {Edit} edit
 */
/**
 * Make masks of the pending marks; ``only``: of this object's, and no other changes.
 * @typedef {object} CommitRequest
 * @property {number|null} [only]
 */
/**
 * Where to start (the playhead) and, optionally, the only frames to visit (inclusive) and the only object to change.
 * @typedef {object} PropagateRequest
 * @property {number} start
 * @property {number|null} [first]
 * @property {number|null} [last]
 * @property {number|null} [only]
 */
/**
 * Remove an object: from frames first..last (inclusive), or wholly when both are left out.
 * @typedef {object} EraseRequest
 * @property {number} object
 * @property {number|null} [first]
 * @property {number|null} [last]
 */
/**
 * Take back what was drawn on these frames in any round; ``again``: it is pending once more, to be changed.
 * @typedef {object} ReleaseRequest
 * @property {number[]} frames
 * @property {boolean} [again]
 */
/**
 * Give an object (or, left out, all that are not locked) on frame ``to`` the pixels it has on ``frame``.
 * @typedef {object} CopyRequest
 * @property {number} frame
 * @property {number} to
 * @property {number|null} [object]
 */
/**
 * Open a video that the server was started on, by its number in the list it gave.
 * @typedef {object} OpenRequest
 * @property {number} source
 */
/**
 * Name of the file or folder that is going to be uploaded.
 * @typedef {object} UploadRequest
 * @property {string} name
 */
/**
 * A format of ``idpro.formats.WRITERS``; ``soft``: cut-outs with soft edges from probabilities.
 * @typedef {object} ExportRequest
 * @property {string} format
 * @property {boolean} [soft]
 * @property {number[]|null} [objects]
 */
/**
 * What of a project does not change; sizes in pixels of the video; ``names``: the frames' own (pictures).
 * @typedef {object} ProjectInfo
 * @property {string} id
 * @property {string} name
 * @property {number} frames
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {string} model
 * @property {string} folder
 * @property {string[]|null} names
 * @property {string[]} colors
 */
/**
 * How far a job is; ``left``: seconds by the pace so far.
 * @typedef {object} JobInfo
 * @property {number} number
 * @property {string} kind
 * @property {string} title
 * @property {'waiting'|'running'|'done'|'stopped'|'failed'} state
 * @property {number} done
 * @property {number} total
 * @property {number|null} left
 * @property {string} message
 * @property {Record<string, any>} result
 */
/**
 * @typedef {object} Mark
 * @property {'stroke'|'box'|'paint'|'area'|'absent'} kind
 * @property {string} id
 * @property {number} object
 * @property {[number, number][]} [points]
 * @property {number} [width]
 * @property {number} [x0]
 * @property {number} [y0]
 * @property {number} [x1]
 * @property {number} [y1]
 * @property {number[]} [spares]
 */
/**
 * @typedef {object} Edit
 * @property {'edit_marks'|'clear_marks'|'add_object'|'update_object'|'order_objects'} op
 * @property {number} [frame]
 * @property {string[]} [remove]
 * @property {Mark[]} [add]
 * @property {number[]|null} [frames]
 * @property {number} [id]
 * @property {string|null} [name]
 * @property {string|null} [color]
 * @property {string|null} [category]
 * @property {boolean|null} [hidden]
 * @property {boolean|null} [locked]
 * @property {number[]} [ids]
 */

export {};
