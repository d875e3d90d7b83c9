package millrace;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSInputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;
import smfs.shaded.org.apache.iceberg.aws.s3.S3FileIO;
import smfs.shaded.org.apache.iceberg.io.SeekableInputStream;
import smfs.shaded.software.amazon.awssdk.core.sync.RequestBody;
import smfs.shaded.software.amazon.awssdk.services.s3.S3Client;
import smfs.shaded.software.amazon.awssdk.services.s3.model.CommonPrefix;
import smfs.shaded.software.amazon.awssdk.services.s3.model.CopyObjectRequest;
import smfs.shaded.software.amazon.awssdk.services.s3.model.Delete;
import smfs.shaded.software.amazon.awssdk.services.s3.model.DeleteObjectRequest;
import smfs.shaded.software.amazon.awssdk.services.s3.model.DeleteObjectsRequest;
import smfs.shaded.software.amazon.awssdk.services.s3.model.DeleteObjectsResponse;
import smfs.shaded.software.amazon.awssdk.services.s3.model.HeadObjectRequest;
import smfs.shaded.software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import smfs.shaded.software.amazon.awssdk.services.s3.model.ListObjectsV2Request;
import smfs.shaded.software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import smfs.shaded.software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import smfs.shaded.software.amazon.awssdk.services.s3.model.PutObjectRequest;
import smfs.shaded.software.amazon.awssdk.services.s3.model.S3Exception;
import smfs.shaded.software.amazon.awssdk.services.s3.model.S3Object;

/**
 * Spark's s3:// in the local platform, in place of S3A: the same questions to S3, signed as the job.
 *
 * A folder is what objects lie below, or an empty object whose key ends in a slash. What S3A asks is
 * in its documentation, docs/fidelity.yaml names it. Compiled by Janino, which knows no generics.
 */
public class S3FileSystem extends FileSystem {
    private static final long BLOCK = 33554432L;
    private static final int KEYS = 1000;

    private URI uri;
    private String bucket;
    private S3FileIO io;
    private S3Client s3;

    public String getScheme() {
        return "s3";
    }

    public URI getUri() {
        return this.uri;
    }

    public Path getWorkingDirectory() {
        return new Path(this.uri.toString() + "/");
    }

    public void setWorkingDirectory(Path path) {
    }

    public void initialize(URI name, Configuration conf) throws IOException {
        super.initialize(name, conf);
        this.bucket = name.getAuthority();
        this.uri = URI.create(name.getScheme() + "://" + this.bucket);
        Map properties = new HashMap();
        properties.put("s3.endpoint", conf.get("fs.s3.endpoint"));
        properties.put("s3.path-style-access", "true");
        this.io = new S3FileIO();
        this.io.initialize(properties);
        this.s3 = this.io.client();
    }

    public void close() throws IOException {
        super.close();
        this.io.close();
    }

    private String key(Path path) {
        String text = makeQualified(path).toUri().getPath();
        int end = text.endsWith("/") ? text.length() - 1 : text.length();
        return end <= 1 ? "" : text.substring(1, end);
    }

    private Path path(String key) {
        return new Path(this.uri.getScheme(), this.bucket, "/" + key);
    }

    private String location(String key) {
        return this.uri.toString() + "/" + key;
    }

    private FileStatus folder(String key) {
        return new FileStatus(0L, true, 1, 0L, 0L, path(key));
    }

    private FileStatus file(S3Object object) {
        long time = object.lastModified().toEpochMilli();
        return new FileStatus(object.size().longValue(), false, 1, BLOCK, time, path(object.key()));
    }

    private IOException failure(String key, S3Exception error) {
        if (error.statusCode() == 404) {
            return new FileNotFoundException(location(key));
        }
        if (error.statusCode() == 403) {
            IOException denied = new AccessDeniedException(location(key), null, error.getMessage());
            denied.initCause(error);
            return denied;
        }
        return new IOException(location(key) + ": " + error.getMessage(), error);
    }

    /** HEAD of the object; null if there is none. */
    private FileStatus head(String key) throws IOException {
        HeadObjectRequest.Builder request = HeadObjectRequest.builder().bucket(this.bucket);
        try {
            HeadObjectResponse found = this.s3.headObject((HeadObjectRequest) request.key(key).build());
            long time = found.lastModified().toEpochMilli();
            return new FileStatus(found.contentLength().longValue(), false, 1, BLOCK, time, path(key));
        } catch (S3Exception error) {
            if (error.statusCode() == 404) {
                return null;
            }
            throw failure(key, error);
        }
    }

    /** One page of what begins with a prefix. */
    private ListObjectsV2Response page(String prefix, String delimiter, int most, String token)
            throws IOException {
        ListObjectsV2Request.Builder request = ListObjectsV2Request.builder().bucket(this.bucket);
        request.prefix(prefix).maxKeys(new Integer(most));
        if (delimiter != null) {
            request.delimiter(delimiter);
        }
        if (token != null) {
            request.continuationToken(token);
        }
        try {
            return this.s3.listObjectsV2((ListObjectsV2Request) request.build());
        } catch (S3Exception error) {
            throw failure(prefix, error);
        }
    }

    private boolean isFolder(String key) throws IOException {
        String prefix = key.length() == 0 ? "" : key + "/";
        ListObjectsV2Response found = page(prefix, "/", 2, null);
        return key.length() == 0 || found.contents().size() + found.commonPrefixes().size() > 0;
    }

    public FileStatus getFileStatus(Path path) throws IOException {
        String key = key(path);
        FileStatus found = key.length() == 0 ? null : head(key);
        if (found != null) {
            return found;
        }
        if (isFolder(key)) {
            return folder(key);
        }
        throw new FileNotFoundException("No such file or directory: " + location(key));
    }

    /** Files, and folders if there is a delimiter, below a folder; without its own marker. */
    private List below(String key, String delimiter) throws IOException {
        String prefix = key.length() == 0 ? "" : key + "/";
        List found = new ArrayList();
        String token = null;
        do {
            ListObjectsV2Response page = page(prefix, delimiter, KEYS, token);
            Iterator folders = page.commonPrefixes().iterator();
            while (folders.hasNext()) {
                String name = ((CommonPrefix) folders.next()).prefix();
                found.add(folder(name.substring(0, name.length() - 1)));
            }
            Iterator objects = page.contents().iterator();
            while (objects.hasNext()) {
                S3Object object = (S3Object) objects.next();
                if (!object.key().endsWith("/")) {
                    found.add(file(object));
                }
            }
            token = page.nextContinuationToken();
        } while (token != null);
        return found;
    }

    public FileStatus[] listStatus(Path path) throws IOException {
        String key = key(path);
        List found = below(key, "/");
        if (found.isEmpty()) {
            FileStatus status = getFileStatus(path);
            return status.isDirectory() ? new FileStatus[0] : new FileStatus[] {status};
        }
        return (FileStatus[]) found.toArray(new FileStatus[0]);
    }

    /** Flat, where it may be: a request for a thousand objects, however many folders they are in. */
    public RemoteIterator listFiles(Path path, boolean recursive) throws IOException {
        if (!recursive) {
            return super.listFiles(path, false);
        }
        List found = below(key(path), null);
        if (found.isEmpty()) {
            FileStatus status = getFileStatus(path);
            if (!status.isDirectory()) {
                found.add(status);
            }
        }
        return new Files(found.iterator());
    }

    public FSDataInputStream open(Path path, int size) throws IOException {
        FileStatus status = getFileStatus(path);
        if (status.isDirectory()) {
            throw new FileNotFoundException(location(key(path)) + " is a directory");
        }
        SeekableInputStream stream = this.io.newInputFile(location(key(path)), status.getLen()).newStream();
        return new FSDataInputStream(new Input(stream));
    }

    public FSDataOutputStream create(Path path, FsPermission permission, boolean overwrite, int size,
            short replication, long block, Progressable progress) throws IOException {
        String key = key(path);
        if (isFolder(key)) {
            throw new FileAlreadyExistsException(location(key) + " is a directory");
        }
        if (!overwrite && head(key) != null) {
            throw new FileAlreadyExistsException(location(key) + " already exists");
        }
        return new FSDataOutputStream(this.io.newOutputFile(location(key)).createOrOverwrite(), null);
    }

    public FSDataOutputStream append(Path path, int size, Progressable progress) throws IOException {
        throw new UnsupportedOperationException("Append is not supported by S3FileSystem");
    }

    /** An empty object marks a new folder; each folder above it must not be a file. */
    public boolean mkdirs(Path path, FsPermission permission) throws IOException {
        String key = key(path);
        if (key.length() == 0 || isFolder(key)) {
            return true;
        }
        for (String above = key; above.length() > 0; above = parent(above)) {
            if (!above.equals(key) && isFolder(above)) {
                break;
            }
            if (head(above) != null) {
                throw new FileAlreadyExistsException(location(above) + " is a file");
            }
        }
        mark(key);
        return true;
    }

    private String parent(String key) {
        int slash = key.lastIndexOf('/');
        return slash < 0 ? "" : key.substring(0, slash);
    }

    private void mark(String key) throws IOException {
        PutObjectRequest.Builder request = PutObjectRequest.builder().bucket(this.bucket);
        try {
            this.s3.putObject((PutObjectRequest) request.key(key + "/").build(), RequestBody.empty());
        } catch (S3Exception error) {
            throw failure(key + "/", error);
        }
    }

    public boolean delete(Path path, boolean recursive) throws IOException {
        String key = key(path);
        FileStatus status;
        try {
            status = getFileStatus(path);
        } catch (FileNotFoundException error) {
            return false;
        }
        if (status.isFile()) {
            remove(key);
        } else {
            List inside = keysBelow(key);
            if (!recursive && inside.size() > 0 && !inside.get(0).equals(key + "/")) {
                throw new IOException(location(key) + " is not empty");
            }
            remove(inside);
        }
        String above = parent(key);
        if (above.length() > 0 && !isFolder(above)) {
            mark(above);
        }
        return true;
    }

    private List keysBelow(String key) throws IOException {
        List keys = new ArrayList();
        String token = null;
        do {
            ListObjectsV2Response page = page(key + "/", null, KEYS, token);
            Iterator objects = page.contents().iterator();
            while (objects.hasNext()) {
                keys.add(((S3Object) objects.next()).key());
            }
            token = page.nextContinuationToken();
        } while (token != null);
        return keys;
    }

    private void remove(String key) throws IOException {
        DeleteObjectRequest.Builder request = DeleteObjectRequest.builder().bucket(this.bucket);
        try {
            this.s3.deleteObject((DeleteObjectRequest) request.key(key).build());
        } catch (S3Exception error) {
            throw failure(key, error);
        }
    }

    private void remove(List keys) throws IOException {
        for (int first = 0; first < keys.size(); first += KEYS) {
            List some = new ArrayList();
            Iterator each = keys.subList(first, Math.min(keys.size(), first + KEYS)).iterator();
            while (each.hasNext()) {
                some.add(ObjectIdentifier.builder().key((String) each.next()).build());
            }
            Delete those = (Delete) Delete.builder().objects(some).quiet(Boolean.TRUE).build();
            DeleteObjectsRequest.Builder request = DeleteObjectsRequest.builder().bucket(this.bucket);
            try {
                DeleteObjectsResponse answer =
                    this.s3.deleteObjects((DeleteObjectsRequest) request.delete(those).build());
                if (answer.hasErrors()) {
                    throw new AccessDeniedException(location((String) keys.get(first)), null,
                        answer.errors().toString());
                }
            } catch (S3Exception error) {
                throw failure((String) keys.get(first), error);
            }
        }
    }

    public boolean rename(Path from, Path to) throws IOException {
        String source = key(from);
        String target = key(to);
        FileStatus status = getFileStatus(from);
        if (target.length() == 0 || isFolder(target)) {
            target = (target.length() == 0 ? "" : target + "/") + from.getName();
        }
        List keys;
        if (status.isDirectory()) {
            keys = keysBelow(source);
        } else {
            keys = new ArrayList();
            keys.add(source);
        }
        Iterator each = keys.iterator();
        while (each.hasNext()) {
            String one = (String) each.next();
            copy(one, target + one.substring(source.length()));
        }
        remove(keys);
        return true;
    }

    private void copy(String from, String to) throws IOException {
        CopyObjectRequest.Builder request = CopyObjectRequest.builder().sourceBucket(this.bucket);
        request.sourceKey(from).destinationBucket(this.bucket).destinationKey(to);
        try {
            this.s3.copyObject((CopyObjectRequest) request.build());
        } catch (S3Exception error) {
            throw failure(to, error);
        }
    }

    public static class Files implements RemoteIterator {
        private Iterator found;

        public Files(Iterator found) {
            this.found = found;
        }

        public boolean hasNext() {
            return this.found.hasNext();
        }

        public Object next() {
            return new LocatedFileStatus((FileStatus) this.found.next(), null);
        }
    }

    public static class Input extends FSInputStream {
        private SeekableInputStream stream;

        public Input(SeekableInputStream stream) {
            this.stream = stream;
        }

        public void seek(long position) throws IOException {
            this.stream.seek(position);
        }

        public long getPos() throws IOException {
            return this.stream.getPos();
        }

        public boolean seekToNewSource(long target) {
            return false;
        }

        public int read() throws IOException {
            return this.stream.read();
        }

        public int read(byte[] bytes, int offset, int length) throws IOException {
            return this.stream.read(bytes, offset, length);
        }

        public void close() throws IOException {
            this.stream.close();
        }
    }
}
